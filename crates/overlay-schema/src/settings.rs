use std::time::Duration;

use overlay_model::{Data, Effective, OverlayName, ParamKey, Ratio, Value};
use serde::Serialize;

use crate::params::{PARAMS, model_param, param};
use crate::words::{
    Caching, Continuity, FusionMode, Judge, ModelSelection, Monitoring, PiiDetection,
    ResponseFormat, SecurityMode, TrustModel,
};

/// The settings of one request, typed; every key that no layer sets has its default.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Settings {
    /// `OVERLAY_NAME`.
    pub name: Option<OverlayName>,
    /// `FUSION_OVERLAY_VERSION`, normalised to three numbers.
    pub version: Option<String>,
    /// `OVERLAY_TARGET_SCENARIOS`.
    pub target_scenarios: Vec<String>,
    /// `OVERLAY_PINNED`.
    pub pinned: Vec<String>,
    /// `ENTROPY_REDUCTION_TARGET`.
    pub entropy_reduction_target: Ratio,
    /// `CONTINUITY_ENFORCEMENT`.
    pub continuity: Continuity,
    /// `TRUST_SCORING_MODEL`.
    pub trust_model: TrustModel,
    /// `FUSION_MODE`.
    pub mode: FusionMode,
    /// `PRIMARY_MODEL_SELECTION`.
    pub model_selection: ModelSelection,
    /// `MODEL`; empty where the installation's default models are meant.
    pub models: Vec<String>,
    /// `VOTING_POWER_MAP`; empty for `single:1`.
    pub voters: Vec<(Voter, u32)>,
    /// `SAMPLES`, from 1 to 16.
    pub samples: u32,
    /// `ARBITRATION_TIMEOUT_MS`.
    pub arbitration_timeout: Duration,
    /// `REQUEST_DEADLINE_MS`.
    pub request_deadline: Duration,
    /// `TRUST_FLOOR`.
    pub trust_floor: Ratio,
    /// `ENTROPY_FLOOR`.
    pub entropy_floor: Ratio,
    /// `ENERGY_FLOOR`.
    pub energy_floor: Ratio,
    /// `MAX_ENERGY_UNITS`, in units of 10 µ$.
    pub max_energy_units: Option<u64>,
    /// `ENERGY_BUDGET_PER_DAY`, in units of 10 µ$.
    pub energy_budget_per_day: Option<u64>,
    /// `BASELINE_TOKEN_CAP_PCT`, in percent.
    pub baseline_token_cap_pct: Option<f64>,
    /// `API_CIRCUIT_BREAKER`.
    pub circuit_breaker: bool,
    /// `ADAPTIVE_CACHING`.
    pub caching: Caching,
    /// `PERFORMANCE_MONITORING`.
    pub monitoring: Monitoring,
    /// `SECURITY_MODE`.
    pub security: SecurityMode,
    /// `PII_DETECTION`.
    pub pii: PiiDetection,
    /// `TEMPERATURE` and its siblings.
    pub sampling: Sampling,
    /// `RESPONSE_FORMAT`.
    pub response_format: ResponseFormat,
    /// Parameters of single models, by the model part of the key.
    pub per_model: Vec<(String, ModelOverride)>,
}

/// The sampling parameters that are set explicitly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Sampling {
    /// `TEMPERATURE`, from 0 to 2.
    pub temperature: Option<f64>,
    /// `TOP_P`, from 0 to 1.
    pub top_p: Option<f64>,
    /// `PRESENCE_PENALTY`, from −2 to 2.
    pub presence_penalty: Option<f64>,
    /// `FREQUENCY_PENALTY`, from −2 to 2.
    pub frequency_penalty: Option<f64>,
    /// `MAX_TOKENS`.
    pub max_tokens: Option<u64>,
}

/// What an overlay sets for one model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct ModelOverride {
    /// `…_TEMPERATURE`.
    pub temperature: Option<f64>,
    /// `…_TOP_P`.
    pub top_p: Option<f64>,
    /// `…_MAX_TOKENS`.
    pub max_tokens: Option<u64>,
    /// `…_MAX_CONTEXT_TOKENS`.
    pub max_context_tokens: Option<u64>,
}

/// Who votes for a candidate.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Voter {
    /// A judge.
    Judge(Judge),
    /// A model, for its own candidates.
    Model(String),
}

impl Voter {
    /// The voter that `name` means: a judge, or `model/<id>`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name.strip_prefix("model/") {
            Some("") => None,
            Some(id) => Some(Self::Model(id.to_owned())),
            None => Judge::from_word(name).map(Self::Judge),
        }
    }

    /// The name as it is written in `VOTING_POWER_MAP`.
    pub fn name(&self) -> String {
        match self {
            Self::Judge(judge) => judge.to_string(),
            Self::Model(id) => format!("model/{id}"),
        }
    }
}

/// A key whose value in force is none of its parameter.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{value}` is no value of {key}")]
pub struct InvalidSetting {
    /// The key.
    pub key: String,
    /// Its value in force.
    pub value: String,
}

impl Settings {
    /// The settings where no layer sets anything.
    pub fn defaults() -> Self {
        Self::build(&|_| None).unwrap_or_else(|_| unreachable!("a test reads every default"))
    }

    /// The settings that `effective` comes to. Keys that are no parameter are passed over:
    /// [`crate::check`] has reported them.
    ///
    /// # Errors
    ///
    /// Where a value is none of its parameter.
    pub fn resolve(effective: &Effective) -> Result<Self, InvalidSetting> {
        let mut settings = Self::build(&|key| effective.value(key))?;
        for (key, setting) in effective.iter() {
            settings.set_for_model(key, &setting.setting.value)?;
        }
        Ok(settings)
    }

    fn build<'a>(value: &dyn Fn(&str) -> Option<&'a str>) -> Result<Self, InvalidSetting> {
        let read = Read { value };
        Ok(Self {
            name: read.text("OVERLAY_NAME").and_then(|it| it.parse().ok()),
            version: read.version("FUSION_OVERLAY_VERSION")?,
            target_scenarios: read.list("OVERLAY_TARGET_SCENARIOS")?,
            pinned: read.list("OVERLAY_PINNED")?,
            entropy_reduction_target: read.ratio("ENTROPY_REDUCTION_TARGET")?,
            continuity: read.word("CONTINUITY_ENFORCEMENT", Continuity::from_word)?,
            trust_model: read.word("TRUST_SCORING_MODEL", TrustModel::from_word)?,
            mode: read.word("FUSION_MODE", FusionMode::from_word)?,
            model_selection: read.word("PRIMARY_MODEL_SELECTION", ModelSelection::from_word)?,
            models: read.list("MODEL")?,
            voters: read.voters("VOTING_POWER_MAP")?,
            samples: u32::try_from(read.need(read.whole("SAMPLES")?, "SAMPLES")?)
                .map_err(|_| read.invalid("SAMPLES"))?,
            arbitration_timeout: read.millis("ARBITRATION_TIMEOUT_MS")?,
            request_deadline: read.millis("REQUEST_DEADLINE_MS")?,
            trust_floor: read.ratio("TRUST_FLOOR")?,
            entropy_floor: read.ratio("ENTROPY_FLOOR")?,
            energy_floor: read.ratio("ENERGY_FLOOR")?,
            max_energy_units: read.whole("MAX_ENERGY_UNITS")?,
            energy_budget_per_day: read.whole("ENERGY_BUDGET_PER_DAY")?,
            baseline_token_cap_pct: read.number("BASELINE_TOKEN_CAP_PCT")?,
            circuit_breaker: read.switch("API_CIRCUIT_BREAKER")?,
            caching: read.word("ADAPTIVE_CACHING", Caching::from_word)?,
            monitoring: read.word("PERFORMANCE_MONITORING", Monitoring::from_word)?,
            security: read.word("SECURITY_MODE", SecurityMode::from_word)?,
            pii: read.word("PII_DETECTION", PiiDetection::from_word)?,
            sampling: Sampling {
                temperature: read.number("TEMPERATURE")?,
                top_p: read.number("TOP_P")?,
                presence_penalty: read.number("PRESENCE_PENALTY")?,
                frequency_penalty: read.number("FREQUENCY_PENALTY")?,
                max_tokens: read.whole("MAX_TOKENS")?,
            },
            response_format: read.word("RESPONSE_FORMAT", ResponseFormat::from_word)?,
            per_model: Vec::new(),
        })
    }

    fn set_for_model(&mut self, key: &ParamKey, text: &str) -> Result<(), InvalidSetting> {
        let exact = PARAMS.binary_search_by(|it| it.key.cmp(key.as_str())).is_ok();
        let Some((model, param)) = model_param(key.as_str()).filter(|_| !exact) else {
            return Ok(());
        };
        let invalid = || InvalidSetting { key: key.to_string(), value: text.to_owned() };
        let number = Value::parse(param.kind.shape(), text)
            .ok()
            .and_then(|it| it.as_f64())
            .ok_or_else(invalid)?;
        let at = match self.per_model.iter().position(|(it, _)| it == model) {
            Some(at) => at,
            None => {
                self.per_model.push((model.to_owned(), ModelOverride::default()));
                self.per_model.len() - 1
            }
        };
        let Some((_, it)) = self.per_model.get_mut(at) else { return Ok(()) };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the table's ranges are positive and far below 2^53"
        )]
        match param.key {
            "_TEMPERATURE" => it.temperature = Some(number),
            "_TOP_P" => it.top_p = Some(number),
            "_MAX_TOKENS" => it.max_tokens = Some(number as u64),
            "_MAX_CONTEXT_TOKENS" => it.max_context_tokens = Some(number as u64),
            _ => (),
        }
        Ok(())
    }
}

/// Reads typed values off the value in force, or off the table's default.
struct Read<'f, 'a> {
    value: &'f dyn Fn(&str) -> Option<&'a str>,
}

impl<'a> Read<'_, 'a> {
    fn text(&self, key: &str) -> Option<&'a str> {
        (self.value)(key).or_else(|| param(key)?.default)
    }

    fn invalid(&self, key: &str) -> InvalidSetting {
        InvalidSetting { key: key.to_owned(), value: self.text(key).unwrap_or_default().to_owned() }
    }

    fn data(&self, key: &str) -> Result<Option<Data>, InvalidSetting> {
        let (Some(text), Some(param)) = (self.text(key), param(key)) else { return Ok(None) };
        let value = Value::parse(param.kind.shape(), text).map_err(|_| self.invalid(key))?;
        Ok(Some(value.data().clone()))
    }

    fn need<T>(&self, value: Option<T>, key: &str) -> Result<T, InvalidSetting> {
        value.ok_or_else(|| self.invalid(key))
    }

    fn number(&self, key: &str) -> Result<Option<f64>, InvalidSetting> {
        match self.data(key)? {
            Some(Data::Number(number)) => Ok(Some(number)),
            Some(_) => Err(self.invalid(key)),
            None => Ok(None),
        }
    }

    fn ratio(&self, key: &str) -> Result<Ratio, InvalidSetting> {
        let number = self.need(self.number(key)?, key)?;
        Ratio::new(number).map_err(|_| self.invalid(key))
    }

    fn whole(&self, key: &str) -> Result<Option<u64>, InvalidSetting> {
        match self.data(key)? {
            Some(Data::Integer(number)) => {
                u64::try_from(number).map(Some).map_err(|_| self.invalid(key))
            }
            Some(_) => Err(self.invalid(key)),
            None => Ok(None),
        }
    }

    fn millis(&self, key: &str) -> Result<Duration, InvalidSetting> {
        match self.data(key)? {
            Some(Data::Millis(time)) => Ok(time),
            _ => Err(self.invalid(key)),
        }
    }

    fn switch(&self, key: &str) -> Result<bool, InvalidSetting> {
        match self.data(key)? {
            Some(Data::Switch(on)) => Ok(on),
            _ => Err(self.invalid(key)),
        }
    }

    fn version(&self, key: &str) -> Result<Option<String>, InvalidSetting> {
        match self.data(key)? {
            Some(Data::Version(version)) => Ok(Some(version)),
            Some(_) => Err(self.invalid(key)),
            None => Ok(None),
        }
    }

    fn list(&self, key: &str) -> Result<Vec<String>, InvalidSetting> {
        match self.data(key)? {
            Some(Data::List(words)) => Ok(words),
            Some(_) => Err(self.invalid(key)),
            None => Ok(Vec::new()),
        }
    }

    fn word<T>(&self, key: &str, from: fn(&str) -> Option<T>) -> Result<T, InvalidSetting> {
        self.text(key).and_then(from).ok_or_else(|| self.invalid(key))
    }

    fn voters(&self, key: &str) -> Result<Vec<(Voter, u32)>, InvalidSetting> {
        let Some(Data::Weights(pairs)) = self.data(key)? else { return Err(self.invalid(key)) };
        if let [(name, _)] = pairs.as_slice()
            && name == "single"
        {
            return Ok(Vec::new());
        }
        let voter = |(name, weight): &(String, u32)| Some((Voter::from_name(name)?, *weight));
        pairs.iter().map(voter).collect::<Option<_>>().ok_or_else(|| self.invalid(key))
    }
}
