"""What querygen costs, beside a loop that does the same with nothing around it. Figures only: nothing is asserted."""
