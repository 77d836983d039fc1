use std::cell::RefCell;
use std::time::Duration;

use overlay_model::{Data, Effective, OverlayName, ParamKey, Ratio};
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
        // A test reads every default of the table, so nothing is refused here.
        Self::build(&|_| None).0
    }

    /// The settings that `effective` comes to. Keys that are no parameter are passed over:
    /// [`crate::check`] has reported them.
    ///
    /// # Errors
    ///
    /// Where a value is none of its parameter.
    pub fn resolve(effective: &Effective) -> Result<Self, InvalidSetting> {
        let (mut settings, refused) = Self::build(&|key| effective.value(key));
        if let Some(refused) = refused {
            return Err(refused);
        }
        for (key, setting) in effective.iter() {
            settings.set_for_model(key, &setting.setting.value)?;
        }
        Ok(settings)
    }

    fn build<'a>(value: &dyn Fn(&str) -> Option<&'a str>) -> (Self, Option<InvalidSetting>) {
        let read = Read { value, refused: RefCell::new(None) };
        let settings = Self {
            name: read.text("OVERLAY_NAME").and_then(|it| it.parse().ok()),
            version: read.version("FUSION_OVERLAY_VERSION"),
            target_scenarios: read.list("OVERLAY_TARGET_SCENARIOS"),
            pinned: read.list("OVERLAY_PINNED"),
            entropy_reduction_target: read.ratio("ENTROPY_REDUCTION_TARGET"),
            continuity: read.word(
                "CONTINUITY_ENFORCEMENT",
                Continuity::from_word,
                Continuity::Basic,
            ),
            trust_model: read.word(
                "TRUST_SCORING_MODEL",
                TrustModel::from_word,
                TrustModel::Simple,
            ),
            mode: read.word("FUSION_MODE", FusionMode::from_word, FusionMode::BaselineOnly),
            model_selection: read.word(
                "PRIMARY_MODEL_SELECTION",
                ModelSelection::from_word,
                ModelSelection::Single,
            ),
            models: read.list("MODEL"),
            voters: read.voters("VOTING_POWER_MAP"),
            samples: read.need(
                "SAMPLES",
                read.whole("SAMPLES").and_then(|it| it.try_into().ok()),
                1,
            ),
            arbitration_timeout: read.millis("ARBITRATION_TIMEOUT_MS"),
            request_deadline: read.millis("REQUEST_DEADLINE_MS"),
            trust_floor: read.ratio("TRUST_FLOOR"),
            entropy_floor: read.ratio("ENTROPY_FLOOR"),
            energy_floor: read.ratio("ENERGY_FLOOR"),
            max_energy_units: read.whole("MAX_ENERGY_UNITS"),
            energy_budget_per_day: read.whole("ENERGY_BUDGET_PER_DAY"),
            baseline_token_cap_pct: read.number("BASELINE_TOKEN_CAP_PCT"),
            circuit_breaker: read.switch("API_CIRCUIT_BREAKER"),
            caching: read.word("ADAPTIVE_CACHING", Caching::from_word, Caching::Off),
            monitoring: read.word("PERFORMANCE_MONITORING", Monitoring::from_word, Monitoring::Off),
            security: read.word("SECURITY_MODE", SecurityMode::from_word, SecurityMode::Enhanced),
            pii: read.word("PII_DETECTION", PiiDetection::from_word, PiiDetection::Strict),
            sampling: Sampling {
                temperature: read.number("TEMPERATURE"),
                top_p: read.number("TOP_P"),
                presence_penalty: read.number("PRESENCE_PENALTY"),
                frequency_penalty: read.number("FREQUENCY_PENALTY"),
                max_tokens: read.whole("MAX_TOKENS"),
            },
            response_format: read.word(
                "RESPONSE_FORMAT",
                ResponseFormat::from_word,
                ResponseFormat::Text,
            ),
            per_model: Vec::new(),
        };
        (settings, read.refused.into_inner())
    }

    fn set_for_model(&mut self, key: &ParamKey, text: &str) -> Result<(), InvalidSetting> {
        let exact = PARAMS.binary_search_by(|it| it.key.cmp(key.as_str())).is_ok();
        let Some((model, param)) = model_param(key.as_str()).filter(|_| !exact) else {
            return Ok(());
        };
        let invalid = || InvalidSetting { key: key.to_string(), value: text.to_owned() };
        let data = param.kind.read(text).map_err(|_| invalid())?;
        let at = match self.per_model.iter().position(|(it, _)| it == model) {
            Some(at) => at,
            None => {
                self.per_model.push((model.to_owned(), ModelOverride::default()));
                self.per_model.len() - 1
            }
        };
        let Some((_, it)) = self.per_model.get_mut(at) else { return Ok(()) };
        match (param.key, data) {
            ("_TEMPERATURE", Data::Number(number)) => it.temperature = Some(number),
            ("_TOP_P", Data::Number(number)) => it.top_p = Some(number),
            ("_MAX_TOKENS", Data::Integer(number)) => it.max_tokens = u64::try_from(number).ok(),
            ("_MAX_CONTEXT_TOKENS", Data::Integer(number)) => {
                it.max_context_tokens = u64::try_from(number).ok();
            }
            _ => (),
        }
        Ok(())
    }
}

/// Reads typed values off the value in force, or off the table's default. Where one is
/// refused, the first one is remembered, and something harmless takes its place.
struct Read<'f, 'a> {
    value: &'f dyn Fn(&str) -> Option<&'a str>,
    refused: RefCell<Option<InvalidSetting>>,
}

impl<'a> Read<'_, 'a> {
    fn text(&self, key: &str) -> Option<&'a str> {
        (self.value)(key).or_else(|| param(key)?.default)
    }

    fn refuse(&self, key: &str) {
        let value = self.text(key).unwrap_or_default().to_owned();
        self.refused.borrow_mut().get_or_insert(InvalidSetting { key: key.to_owned(), value });
    }

    /// What the value of `key` says, `None` where it is not set or refused.
    fn data(&self, key: &str) -> Option<Data> {
        let data = param(key)?.kind.read(self.text(key)?);
        data.map_err(|_| self.refuse(key)).ok()
    }

    /// The value, which must be there: without one the key is refused.
    fn need<T>(&self, key: &str, value: Option<T>, harmless: T) -> T {
        value.unwrap_or_else(|| {
            self.refuse(key);
            harmless
        })
    }

    fn number(&self, key: &str) -> Option<f64> {
        match self.data(key)? {
            Data::Number(number) => Some(number),
            _ => None,
        }
    }

    fn ratio(&self, key: &str) -> Ratio {
        let ratio = self.number(key).and_then(|it| Ratio::new(it).ok());
        self.need(key, ratio, Ratio::ONE)
    }

    fn whole(&self, key: &str) -> Option<u64> {
        match self.data(key)? {
            Data::Integer(number) => u64::try_from(number).ok(),
            _ => None,
        }
    }

    fn millis(&self, key: &str) -> Duration {
        let time = match self.data(key) {
            Some(Data::Millis(time)) => Some(time),
            _ => None,
        };
        self.need(key, time, Duration::ZERO)
    }

    fn switch(&self, key: &str) -> bool {
        let on = match self.data(key) {
            Some(Data::Switch(on)) => Some(on),
            _ => None,
        };
        self.need(key, on, true)
    }

    fn version(&self, key: &str) -> Option<String> {
        match self.data(key)? {
            Data::Version(version) => Some(version),
            _ => None,
        }
    }

    fn list(&self, key: &str) -> Vec<String> {
        match self.data(key) {
            Some(Data::List(words)) => words,
            _ => Vec::new(),
        }
    }

    fn word<T>(&self, key: &str, from: fn(&str) -> Option<T>, harmless: T) -> T {
        self.need(key, self.text(key).and_then(from), harmless)
    }

    fn voters(&self, key: &str) -> Vec<(Voter, u32)> {
        let Some(Data::Weights(pairs)) = self.data(key) else { return Vec::new() };
        if let [(name, _)] = pairs.as_slice()
            && name == "single"
        {
            return Vec::new();
        }
        let voter = |(name, weight): &(String, u32)| Some((Voter::from_name(name)?, *weight));
        self.need(key, pairs.iter().map(voter).collect(), Vec::new())
    }
}
