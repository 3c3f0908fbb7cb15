"""What a program imports: how long it takes, where it comes from, and who asked for it."""
