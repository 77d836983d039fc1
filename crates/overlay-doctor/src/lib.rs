//! Says why not before anything starts: the checks of an environment and the health of a service.
