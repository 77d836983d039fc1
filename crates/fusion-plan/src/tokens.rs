use std::str::FromStr;

use crate::plan::{Message, RenderedRequest};

/// A vocabulary that counts tokens. Both are part of the program.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, serde::Serialize)]
pub enum Encoding {
    /// `o200k_base`: gpt-4o and later.
    #[serde(rename = "o200k_base")]
    O200k,
    /// `cl100k_base`: gpt-4 and gpt-3.5.
    #[serde(rename = "cl100k_base")]
    Cl100k,
}

impl Encoding {
    /// The name as `providers.toml` has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::O200k => "o200k_base",
            Self::Cl100k => "cl100k_base",
        }
    }
}

impl std::fmt::Display for Encoding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Encoding {
    type Err = UnknownEncoding;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "o200k_base" => Ok(Self::O200k),
            "cl100k_base" => Ok(Self::Cl100k),
            _ => Err(UnknownEncoding(text.to_owned())),
        }
    }
}

/// A vocabulary that is not part of the program.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no vocabulary `{0}`: expected `o200k_base` or `cl100k_base`")]
pub struct UnknownEncoding(String);

/// Tokens that frame each message, beside its role and content.
const MESSAGE_FRAME: usize = 3;
/// Tokens that open the answer, once a request.
pub(crate) const ANSWER_FRAME: usize = 3;

/// The tokens of `text`. The vocabulary is unpacked at the first call, in about 0.1 s.
pub fn count(encoding: Encoding, text: &str) -> usize {
    // A text without bytes needs no vocabulary.
    if text.is_empty() {
        return 0;
    }
    match tiktoken::get_encoding(encoding.as_str()) {
        Some(vocabulary) => vocabulary.count(text),
        None => unreachable!("both vocabularies are features of the dependency"),
    }
}

/// The prompt tokens of a request: contents and roles, 3 tokens a message and 3 for the
/// start of the answer.
///
/// Source of the overhead: OpenAI Cookbook, "How to count tokens with tiktoken",
/// `num_tokens_from_messages`, for gpt-4 and gpt-4o.
pub fn prompt_tokens(request: &RenderedRequest, encoding: Encoding) -> usize {
    let messages: usize = request.messages.iter().map(|it| message_tokens(it, encoding)).sum();
    messages + ANSWER_FRAME
}

/// The tokens of one message within a request.
pub(crate) fn message_tokens(message: &Message, encoding: Encoding) -> usize {
    MESSAGE_FRAME + count(encoding, &message.role) + count(encoding, &message.content)
}

/// A number of tokens that `messages` do not exceed, found without a vocabulary: a token
/// has at least one byte.
pub(crate) fn most_tokens(messages: &[Message]) -> u64 {
    let bytes: usize =
        messages.iter().map(|it| MESSAGE_FRAME + it.role.len() + it.content.len()).sum();
    as_u64(bytes + ANSWER_FRAME)
}

pub(crate) fn as_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
