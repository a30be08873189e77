"""May this release enter that stage? Gates, approvals, objections."""
