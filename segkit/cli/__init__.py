"""The `segkit` command: each subcommand parses, calls the library and prints; torch is loaded only where needed."""
