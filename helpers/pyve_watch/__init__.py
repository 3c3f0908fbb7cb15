"""Watching files, and starting a command anew when they change (`pyve watch`)."""
