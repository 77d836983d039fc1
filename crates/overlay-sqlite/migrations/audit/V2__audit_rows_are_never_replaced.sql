-- A row that is there is replaced by INSERT OR REPLACE without the triggers against deletion.
CREATE TRIGGER overlay_audit_log_replace BEFORE INSERT ON overlay_audit_log
WHEN EXISTS (SELECT 1 FROM overlay_audit_log WHERE id = NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'audit rows are never replaced');
END;

CREATE TRIGGER overlay_audit_overlays_replace BEFORE INSERT ON overlay_audit_overlays
WHEN EXISTS (
    SELECT 1 FROM overlay_audit_overlays WHERE overlay_id = NEW.overlay_id AND id = NEW.id
)
BEGIN
    SELECT RAISE(ABORT, 'audit rows are never replaced');
END;
