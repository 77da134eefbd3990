-- Load on a server that checks every answer: wrk -t64 -c64 -s load.lua URL -- TABLE
--
-- Each of wrk's threads has one connection, so a request and its answer alternate and belong together. TABLE is a Lua file
-- that returns {quota = N or nil, requests = {{method, path, headers, body file, status, numbers or nil}, ...}}: with a quota
-- each thread stops after its share of that many requests. Numbers are the float32 values at the end of a binary answer, or
-- those of the list behind "data" or of the whole body in a JSON one.
local ffi = require("ffi")
ffi.cdef [[ typedef struct { long tv_sec; long tv_nsec; } moment; int clock_gettime(int, moment *); ]]

local function now()
  local at = ffi.new("moment")
  ffi.C.clock_gettime(1, at)
  return tonumber(at.tv_sec) + tonumber(at.tv_nsec) * 1e-9
end

local threads = {}

function setup(thread)
  thread:set("number", #threads)
  table.insert(threads, thread)
end

function init(args)
  plan = dofile(args[1])
  answered, right, wrong_status, wrong_values, busy = 0, 0, 0, 0, 0
  first, last = 0, 0
  share = plan.quota and math.floor(plan.quota / plan.threads) + (number < plan.quota % plan.threads and 1 or 0)
  made = {}
  for _, one in ipairs(plan.requests) do
    local file = io.open(one.body, "rb")
    local body = file:read("*a")
    file:close()
    one.text = wrk.format(one.method, one.path, one.headers, body)
  end
  at = number * 7919 % #plan.requests
end

function request()
  sent = now()
  at = at % #plan.requests + 1
  current = plan.requests[at]
  return current.text
end

local function near(found, wanted)
  return math.abs(found - wanted) <= 1e-3 * math.max(1, math.abs(wanted))
end

local function is_right(numbers, headers, body)
  local kind = headers["Content-Type"] or headers["content-type"] or ""
  if kind:find("json", 1, true) then
    local list, count = body:match('"data"%s*:%s*(%b[])') or body, 0
    for text in list:gmatch("-?%d[%d%.eE+-]*") do
      count = count + 1
      if numbers[count] == nil or not near(tonumber(text), numbers[count]) then return false end
    end
    return count == #numbers
  end
  if #body < 4 * #numbers then return false end
  local tail = body:sub(-4 * #numbers)
  local floats = ffi.new("float[?]", #numbers)
  ffi.copy(floats, tail, #tail)
  for index, wanted in ipairs(numbers) do
    if not near(floats[index - 1], wanted) then return false end
  end
  return true
end

function response(status, headers, body)
  answered, last = answered + 1, now()
  if answered == 1 then first = sent end
  if status ~= current.status then
    wrong_status = wrong_status + 1
    if status == 503 then busy = busy + 1 end
  elseif current.numbers and not is_right(current.numbers, headers, body) then
    wrong_values = wrong_values + 1
  else
    right = right + 1
  end
  if share and answered >= share then wrk.thread:stop() end
end

function done(summary, latency, _)
  local total = {answered = 0, right = 0, wrong_status = 0, wrong_values = 0, busy = 0}
  local first, last = math.huge, 0
  for _, thread in ipairs(threads) do
    for name in pairs(total) do total[name] = total[name] + thread:get(name) end
    if thread:get("first") > 0 then first = math.min(first, thread:get("first")) end
    last = math.max(last, thread:get("last"))
  end
  local errors = summary.errors
  io.write(string.format(
    '\nRESULT {"answered": %d, "right": %d, "wrong_status": %d, "wrong_values": %d, "busy": %d, "seconds": %.6f, ' ..
    '"socket_errors": %d, "p50_ms": %.3f, "p99_ms": %.3f}\n',
    total.answered, total.right, total.wrong_status, total.wrong_values, total.busy, math.max(0, last - math.min(first, last)),
    errors.connect + errors.read + errors.write + errors.timeout, latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
