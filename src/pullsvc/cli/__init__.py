"""The command line: one small file a group of commands.

What a program may read goes to stdout, as JSON with `--json`; what only people need goes to stderr.
"""
