//! Workload profiles turned into reasoned changes of overlays, and a tuner that asks and is told.
