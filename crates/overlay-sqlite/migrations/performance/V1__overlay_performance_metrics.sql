-- Moments are microseconds since 1970, UTC.
CREATE TABLE overlay_performance_metrics (
    id INTEGER PRIMARY KEY,
    overlay_type TEXT NOT NULL,
    operation TEXT NOT NULL,
    duration_us INTEGER NOT NULL CHECK (duration_us >= 0),
    duration_ms INTEGER GENERATED ALWAYS AS ((duration_us + 500) / 1000) VIRTUAL,
    memory_usage_kb INTEGER CHECK (memory_usage_kb >= 0),
    timestamp INTEGER NOT NULL,
    environment TEXT NOT NULL
) STRICT;

CREATE INDEX idx_overlay_type_operation ON overlay_performance_metrics (overlay_type, operation);
CREATE INDEX idx_timestamp ON overlay_performance_metrics (timestamp);
CREATE INDEX idx_environment ON overlay_performance_metrics (environment);

-- What a canary is judged by.
CREATE TABLE rollout_samples (
    id INTEGER PRIMARY KEY,
    deployment TEXT NOT NULL,
    arm TEXT NOT NULL CHECK (arm IN ('control', 'candidate')),
    result TEXT NOT NULL,
    duration_us INTEGER NOT NULL CHECK (duration_us >= 0),
    tokens INTEGER CHECK (tokens >= 0),
    at_us INTEGER NOT NULL
) STRICT;

CREATE INDEX idx_rollout_samples_deployment ON rollout_samples (deployment, arm, at_us);
CREATE INDEX idx_rollout_samples_at_us ON rollout_samples (at_us);
