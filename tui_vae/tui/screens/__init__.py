"""What lies over the pages: dialogs, help and the form."""
