"""What every problem, solver, theorem and report promises, and the checks that try it out."""
