"""The terminal: thin verbs over `loop`, `apply` and `store`. Data on stdout, everything else on stderr."""
