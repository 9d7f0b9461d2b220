"""A leaderboard for a class: students' files, checked, run on hidden instances, ranked into one page.

A file is run in a process of its own that never has the objective: it asks for f(x) through a pipe, and the
process that started it answers, counts and keeps the score.
"""
