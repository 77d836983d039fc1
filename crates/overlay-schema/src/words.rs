//! The closed sets of words, each written once.

/// Defines an enum whose variants are the words of a parameter.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, serde::Serialize)]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every word, in the order of the reference.
            pub const WORDS: &[&str] = &[$($word),+];

            /// The word as it is written in an overlay.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// The variant that `word` names.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

words! {
    /// How much of a conversation goes along, and whether it is verified.
    Continuity {
        /// The last turns that fit into 25 % of the context.
        Basic = "basic_thread",
        /// 50 % of the context, and every pinned fact.
        Enhanced = "enhanced_thread",
        /// 80 % of the context, every pinned fact, turn chain verified.
        Comprehensive = "comprehensive_thread",
        /// Pinned facts and the last two turns, turn chain verified.
        Aggressive = "aggressive_thread",
    }
}

words! {
    /// Which terms make up the trust in an answer.
    TrustModel {
        /// Checks passed.
        Simple = "simple_alignment",
        /// Checks passed and spread of the candidates.
        Contextual = "contextual_alignment",
        /// As contextual, lowered where the answer came late.
        Performance = "performance_weighted",
        /// Checks passed, spread, and how sure the winning share is.
        Quality = "quality_alignment",
    }
}

words! {
    /// Which models are asked, in which order, and whose answer counts.
    FusionMode {
        /// One call of the baseline, no overlay.
        BaselineOnly = "baseline_only",
        /// A cascade from cheap to strong.
        AdaptiveRouting = "adaptive_routing",
        /// One sample, hedged after the provider's 95th percentile.
        SpeedOptimized = "speed_optimized",
        /// Up to `SAMPLES` candidates and a vote.
        QualityFirst = "quality_first",
        /// The cache, then the cheapest model that passes.
        EfficiencyMode = "efficiency_mode",
    }
}

words! {
    /// How the model of a call is chosen.
    ModelSelection {
        /// The first model of `MODEL`.
        Single = "single_model",
        /// Candidates spread over the models by weight.
        MultiWeighted = "multi_model_weighted",
        /// The model with the best measured score.
        CapabilityWeighted = "capability_weighted",
    }
}

words! {
    /// Whether answers are kept and given again.
    Caching {
        /// Never.
        Off = "false",
        /// For the same request, where the plan is deterministic.
        Exact = "true",
        /// Also for requests that differ in white space and case, for longer.
        Aggressive = "aggressive",
    }
}

words! {
    /// What is measured of a request.
    Monitoring {
        /// Nothing beyond the totals.
        Off = "off",
        /// The time of every stage.
        Enhanced = "enhanced",
        /// Stage times and sampled traces.
        Comprehensive = "comprehensive",
    }
}

words! {
    /// Whether the environment may weaken the overlay.
    SecurityMode {
        /// It may.
        Off = "off",
        /// It may not lower floors, and prompts are redacted in logs.
        Enhanced = "enhanced",
    }
}

words! {
    /// What is done about personal data.
    PiiDetection {
        /// Nothing.
        Off = "off",
        /// Prompts with personal data do not load; requests are redacted.
        Strict = "strict",
    }
}

words! {
    /// The form of the answer.
    ResponseFormat {
        /// Any text.
        Text = "text",
        /// One JSON object.
        JsonObject = "json_object",
    }
}

words! {
    /// A judge that votes for a candidate; earlier ones break ties.
    Judge {
        /// For the cheapest candidate.
        Energy = "energy",
        /// For the candidate most others agree with.
        Entropy = "entropy",
        /// For the candidate that passes most checks.
        Trust = "trust",
        /// For the candidate that keeps most pinned facts.
        Continuity = "continuity",
        /// For the candidate with the fewest tokens a required fact.
        Insight = "insight",
    }
}
