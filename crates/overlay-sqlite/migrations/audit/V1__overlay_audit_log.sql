-- The index of the audit log: what stands in audit/*.jsonl, for questions.
-- Moments are microseconds since 1970, UTC. Text has no limit of length: a record that the
-- log has must fit here.
CREATE TABLE overlay_audit_log (
    -- The number of the record.
    id INTEGER PRIMARY KEY CHECK (id > 0),
    overlay_type TEXT NOT NULL,
    overlay_id TEXT NOT NULL,
    action TEXT NOT NULL,
    user_name TEXT NOT NULL,
    timestamp INTEGER NOT NULL,
    data TEXT CHECK (data IS NULL OR json_valid(data)),
    host TEXT NOT NULL,
    environment TEXT NOT NULL,
    deployment_id TEXT,
    generation INTEGER,
    base_generation INTEGER,
    manifest_sha256 TEXT,
    prev_hash TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;

CREATE INDEX idx_overlay_type ON overlay_audit_log (overlay_type);
CREATE INDEX idx_user_name ON overlay_audit_log (user_name);
CREATE INDEX idx_timestamp ON overlay_audit_log (timestamp);
CREATE INDEX idx_deployment_id ON overlay_audit_log (deployment_id);

-- One row for each overlay that a record is about.
CREATE TABLE overlay_audit_overlays (
    id INTEGER NOT NULL REFERENCES overlay_audit_log (id),
    overlay_id TEXT NOT NULL,
    PRIMARY KEY (overlay_id, id)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER overlay_audit_log_update BEFORE UPDATE ON overlay_audit_log
BEGIN
    SELECT RAISE(ABORT, 'audit rows are never changed');
END;

CREATE TRIGGER overlay_audit_log_delete BEFORE DELETE ON overlay_audit_log
BEGIN
    SELECT RAISE(ABORT, 'audit rows are never deleted');
END;

CREATE TRIGGER overlay_audit_overlays_update BEFORE UPDATE ON overlay_audit_overlays
BEGIN
    SELECT RAISE(ABORT, 'audit rows are never changed');
END;

CREATE TRIGGER overlay_audit_overlays_delete BEFORE DELETE ON overlay_audit_overlays
BEGIN
    SELECT RAISE(ABORT, 'audit rows are never deleted');
END;
