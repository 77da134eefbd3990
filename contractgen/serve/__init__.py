"""The reference server: a model behind its contract.

`api` is the entry; `process` is one process that serves, `supervisor` keeps them, and answers with `fallback` what one that dies
leaves (`guard`). `application` is the
application of the target ``asgi`` with what a server has besides: metrics, logs, request ids, batches.
"""
