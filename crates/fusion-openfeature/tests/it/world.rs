//! What the steps of a scenario have between them.

use std::sync::{Arc, Mutex};

use fusion_flagd::FlagdFile;
use fusion_openfeature::{Answer, FlagdProvider, details_or};
use open_feature::provider::{FeatureProvider, ProviderMetadata, ResolutionDetails};
use open_feature::{
    Client, EvaluationContext, EvaluationDetails, EvaluationError, EvaluationOptions,
    EvaluationResult, Hook, HookContext, HookHints, HookWrapper, OpenFeature, StructValue, Value,
    async_trait,
};

/// The flags that the suites presume.
pub(crate) const FLAGS: &str = include_str!("../data/flags.json");

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Boolean,
    String,
    Integer,
    Float,
    Object,
}

/// What a hook was called with.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    Before(String),
    After(String, EvaluationDetails<Value>),
    Error(String, EvaluationError),
    Finally(String, EvaluationDetails<Value>),
}

pub(crate) type Calls = Arc<Mutex<Vec<Call>>>;

/// A hook that writes down its calls, and may add to the context.
pub(crate) struct Recorder {
    pub(crate) name: &'static str,
    pub(crate) calls: Calls,
    pub(crate) adds: EvaluationContext,
}

impl Recorder {
    fn note(&self, call: Call) {
        self.calls.lock().unwrap().push(call);
    }
}

#[async_trait]
impl Hook for Recorder {
    async fn before<'a>(
        &self,
        _: &HookContext<'a>,
        _: Option<&'a HookHints>,
    ) -> Result<Option<EvaluationContext>, EvaluationError> {
        self.note(Call::Before(self.name.to_owned()));
        Ok(Some(self.adds.clone()))
    }

    async fn after<'a>(
        &self,
        _: &HookContext<'a>,
        details: &EvaluationDetails<Value>,
        _: Option<&'a HookHints>,
    ) -> Result<(), EvaluationError> {
        self.note(Call::After(self.name.to_owned(), details.clone()));
        Ok(())
    }

    async fn error<'a>(
        &self,
        _: &HookContext<'a>,
        error: &EvaluationError,
        _: Option<&'a HookHints>,
    ) {
        self.note(Call::Error(self.name.to_owned(), error.clone()));
    }

    async fn finally<'a>(
        &self,
        _: &HookContext<'a>,
        details: &EvaluationDetails<Value>,
        _: Option<&'a HookHints>,
    ) {
        self.note(Call::Finally(self.name.to_owned(), details.clone()));
    }
}

/// A provider of ours that also shows the context it was asked with.
struct Retrievable {
    inner: FlagdProvider,
    seen: Arc<Mutex<EvaluationContext>>,
}

#[async_trait]
impl FeatureProvider for Retrievable {
    fn metadata(&self) -> &ProviderMetadata {
        self.inner.metadata()
    }

    async fn resolve_bool_value(
        &self,
        key: &str,
        context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<bool>> {
        *self.seen.lock().unwrap() = context.clone();
        self.inner.resolve_bool_value(key, context).await
    }

    async fn resolve_int_value(
        &self,
        key: &str,
        context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<i64>> {
        self.inner.resolve_int_value(key, context).await
    }

    async fn resolve_float_value(
        &self,
        key: &str,
        context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<f64>> {
        self.inner.resolve_float_value(key, context).await
    }

    async fn resolve_string_value(
        &self,
        key: &str,
        context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<String>> {
        self.inner.resolve_string_value(key, context).await
    }

    async fn resolve_struct_value(
        &self,
        key: &str,
        context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<StructValue>> {
        self.inner.resolve_struct_value(key, context).await
    }
}

/// A provider of the flags that the suites presume.
pub(crate) fn provider() -> FlagdProvider {
    FlagdProvider::new(FlagdFile::parse(FLAGS).unwrap(), || 1_790_000_000_000)
}

/// Runs to the end what needs no other thread.
pub(crate) fn wait<T>(what: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(what)
}

pub(crate) struct World {
    pub(crate) api: OpenFeature,
    pub(crate) client: Client,
    pub(crate) kind: Kind,
    pub(crate) key: String,
    pub(crate) default: Value,
    /// The context of the evaluation.
    pub(crate) context: EvaluationContext,
    pub(crate) options: EvaluationOptions,
    pub(crate) answer: Option<Answer<Value>>,
    pub(crate) calls: Calls,
    /// The context that the provider was asked with.
    pub(crate) seen: Arc<Mutex<EvaluationContext>>,
    /// The contexts of API, client and hooks.
    pub(crate) levels: [EvaluationContext; 3],
}

impl World {
    pub(crate) fn new() -> Self {
        let mut api = OpenFeature::default();
        let seen = Arc::new(Mutex::new(EvaluationContext::default()));
        wait(api.set_provider(Retrievable { inner: provider(), seen: Arc::clone(&seen) }));
        let client = api.create_client();
        Self {
            api,
            client,
            kind: Kind::Boolean,
            key: "boolean-flag".to_owned(),
            default: Value::Bool(false),
            context: EvaluationContext::default(),
            options: EvaluationOptions::default(),
            answer: None,
            calls: Calls::default(),
            seen,
            levels: Default::default(),
        }
    }

    pub(crate) fn hook(&self, name: &'static str) -> Recorder {
        let calls = Arc::clone(&self.calls);
        Recorder { name, calls, adds: self.levels[2].clone() }
    }

    /// Lets hooks of these names be called by the evaluation.
    pub(crate) fn hooks_by_options(&mut self, names: &[&'static str]) {
        let hooks = names.iter().map(|it| HookWrapper::new(self.hook(it))).collect();
        self.options = EvaluationOptions::new(hooks, HookHints::default());
    }

    pub(crate) fn evaluate(&mut self) {
        let answer = wait(self.ask());
        self.answer = Some(answer);
    }

    /// The answer of the client, in the type that is asked.
    pub(crate) async fn ask(&self) -> Answer<Value> {
        let (client, key) = (&self.client, self.key.as_str());
        let (context, options) = (Some(&self.context), Some(&self.options));
        let found = match self.kind {
            Kind::Boolean => client
                .get_bool_details(key, context, options)
                .await
                .map(EvaluationDetails::into_value),
            Kind::String => client
                .get_string_details(key, context, options)
                .await
                .map(EvaluationDetails::into_value),
            Kind::Integer => client
                .get_int_details(key, context, options)
                .await
                .map(EvaluationDetails::into_value),
            Kind::Float => client
                .get_float_details(key, context, options)
                .await
                .map(EvaluationDetails::into_value),
            Kind::Object => client
                .get_struct_details::<StructValue>(key, context, options)
                .await
                .map(EvaluationDetails::into_value),
        };
        details_or(key, found, self.default.clone())
    }

    #[track_caller]
    pub(crate) fn answer(&self) -> &Answer<Value> {
        self.answer.as_ref().expect("something was evaluated")
    }
}
