"""The web app for handhelds, boards and managers: plain ES modules, served from the package as they are written."""
