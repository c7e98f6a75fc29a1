"""The program as a library: what ``tui_vae.__all__`` names, each in a module of its own."""
