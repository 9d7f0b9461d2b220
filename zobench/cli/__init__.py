"""The command line, one module a group of commands, and the pages that it prints."""
