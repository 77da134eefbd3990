"""From a contract to the files that enforce it: `render` writes their text, `files` puts them on disk."""
