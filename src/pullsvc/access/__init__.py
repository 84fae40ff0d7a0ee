"""Who may do what in which store: principals, grants, roles, API keys."""
