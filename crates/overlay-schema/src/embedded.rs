/// The overlay that is built into the program, below every file: it holds each key that
/// profile `deploy` asks for, asks one model once and sends no text of ours.
pub const EMBEDDED_OVERLAY: &str = "\
# Built in: in force where no file sets a key.
FUSION_OVERLAY_VERSION=2.1.0
OVERLAY_NAME=embedded
OVERLAY_DESCRIPTION=Built-in minimum: one call to the bare model

FUSION_MODE=baseline_only
PRIMARY_MODEL_SELECTION=single_model
VOTING_POWER_MAP=single:1
ARBITRATION_TIMEOUT_MS=250

ENTROPY_REDUCTION_TARGET=0.30
CONTINUITY_ENFORCEMENT=basic_thread
TRUST_SCORING_MODEL=contextual_alignment
TRUST_FLOOR=0.60
ENTROPY_FLOOR=0.25
ENERGY_FLOOR=0.05

API_CIRCUIT_BREAKER=true
ADAPTIVE_CACHING=false
";
