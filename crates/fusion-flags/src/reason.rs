use serde::{Serialize, Serializer};

/// A flag of a snapshot, by its place in the file.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct FlagId(pub(crate) u32);

/// Why a flag is on or off, or an overlay is in or out.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Reason {
    /// On for everybody: no condition and no partial rollout.
    Static,
    /// On: the conditions hold.
    TargetingMatch,
    /// On: the unit's bucket is in.
    Split,
    /// On: an override forces it.
    ForcedOn,
    /// Off: an override forces it.
    ForcedOff,
    /// Off: every overlay is, by an emergency switch.
    EmergencyBaseline,
    /// Off: the flag is a kill switch, and it is on.
    KillSwitch,
    /// Off: the file says so.
    Disabled,
    /// There is no such flag.
    NotFound,
    /// Off: the flag is for other kinds of work.
    ScenarioMismatch,
    /// Off: an attribute is not as the flag wants it.
    AttributeMismatch,
    /// Off: the confidence is below the flag's.
    ConfidenceBelow,
    /// Off: no confidence was given, and the flag wants one.
    ConfidenceMissing,
    /// Off: the unit's bucket is out.
    RolloutMiss,
    /// Off: no unit was given, and only a part of the units is in.
    TargetingKeyMissing,
    /// Off: this flag is not as it must be.
    PrerequisiteFailed(FlagId),
    /// Off: outside the hours, or before the ramp.
    OutsideSchedule,
    /// Out: the overlay's breaker is open.
    CircuitOpen,
    /// Out: the measured quality is below the environment's gate.
    QualityGate,
    /// Out: the variant of this unit has no overlay.
    ControlVariant,
    /// Out: an earlier flag offers it already.
    AlreadyOffered,
}

impl Reason {
    /// The reason as OpenFeature knows it: `STATIC`, `SPLIT`, `TARGETING_MATCH`, `DISABLED`
    /// or `UNKNOWN`.
    pub fn openfeature(self) -> &'static str {
        match self {
            Self::Static => "STATIC",
            Self::Split | Self::RolloutMiss => "SPLIT",
            Self::Disabled | Self::ForcedOff | Self::EmergencyBaseline | Self::KillSwitch => {
                "DISABLED"
            }
            Self::TargetingMatch
            | Self::ForcedOn
            | Self::ScenarioMismatch
            | Self::AttributeMismatch
            | Self::ConfidenceBelow
            | Self::ConfidenceMissing
            | Self::PrerequisiteFailed(_)
            | Self::OutsideSchedule => "TARGETING_MATCH",
            _ => "UNKNOWN",
        }
    }

    /// The reason as reports have it: `TARGETING_KEY_MISSING`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Static => "STATIC",
            Self::TargetingMatch => "TARGETING_MATCH",
            Self::Split => "SPLIT",
            Self::ForcedOn => "FORCED_ON",
            Self::ForcedOff => "FORCED_OFF",
            Self::EmergencyBaseline => "EMERGENCY_BASELINE",
            Self::KillSwitch => "KILL_SWITCH",
            Self::Disabled => "DISABLED",
            Self::NotFound => "NOT_FOUND",
            Self::ScenarioMismatch => "SCENARIO_MISMATCH",
            Self::AttributeMismatch => "ATTRIBUTE_MISMATCH",
            Self::ConfidenceBelow => "CONFIDENCE_BELOW",
            Self::ConfidenceMissing => "CONFIDENCE_MISSING",
            Self::RolloutMiss => "ROLLOUT_MISS",
            Self::TargetingKeyMissing => "TARGETING_KEY_MISSING",
            Self::PrerequisiteFailed(_) => "PREREQUISITE_FAILED",
            Self::OutsideSchedule => "OUTSIDE_SCHEDULE",
            Self::CircuitOpen => "CIRCUIT_OPEN",
            Self::QualityGate => "QUALITY_GATE",
            Self::ControlVariant => "CONTROL_VARIANT",
            Self::AlreadyOffered => "ALREADY_OFFERED",
        }
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.code())
    }
}
