"""What holds for every project, tried on random small ones. The models' own SQL is never asked whether it is right."""
