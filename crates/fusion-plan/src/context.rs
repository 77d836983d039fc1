//! What of a conversation goes along.

use overlay_model::{Chain, MicroOverlay, Turn, verify_chain};
use overlay_schema::{Continuity, Model, PiiDetection, Settings, redact};

use crate::compile::CompileError;
use crate::energy::encoding;
use crate::plan::{ContextReport, Message, Request};
use crate::tokens::{as_u64, message_tokens, most_tokens};

/// A conversation as it may be sent, before it is cut to the context of a model.
pub(crate) struct Conversation {
    policy: Continuity,
    system: Vec<Message>,
    /// Oldest first.
    turns: Vec<Message>,
    question: Message,
    /// Pinned facts that go along.
    pub(crate) pinned: Vec<String>,
    /// Pieces of personal data that were taken out.
    pub(crate) redactions: usize,
    chain_verified: bool,
}

/// Turns that the aggressive policy keeps.
const LAST_TURNS: usize = 2;

impl Conversation {
    /// The conversation under the policies of `settings`.
    ///
    /// # Errors
    ///
    /// Where the chain of turns is to be verified and is broken.
    pub(crate) fn new(
        settings: &Settings,
        prompt: Option<&MicroOverlay>,
        request: &Request<'_>,
    ) -> Result<Self, CompileError> {
        let policy = settings.continuity;
        let chain_verified = verifies(policy) && chain_holds(request.turns)?;
        let mut clean = Redaction { on: settings.pii == PiiDetection::Strict, found: 0 };
        let sent: &[String] = if policy == Continuity::Basic { &[] } else { request.pinned };
        let pinned: Vec<String> = sent.iter().map(|fact| clean.text(fact)).collect();
        let turns = request.turns.iter().map(|it| message(&it.role, clean.text(&it.content)));
        let turns = turns.collect();
        let question = message("user", clean.text(request.question));
        let overlay = prompt.map(MicroOverlay::text).filter(|it| !it.trim().is_empty());
        let system = overlay.map(str::to_owned).into_iter().chain(pinned_text(&pinned));
        let system = system.map(|text| message("system", text)).collect();
        let redactions = clean.found;
        Ok(Self { policy, system, turns, question, pinned, redactions, chain_verified })
    }

    /// The messages for `model`, of whose context `context` tokens may be used and
    /// `reserved` stay free for the answer.
    ///
    /// Tokens are counted only where the bytes do not prove that everything fits.
    ///
    /// # Errors
    ///
    /// Where the overlay and the question alone are too long.
    pub(crate) fn messages(
        &self,
        model: &Model,
        context: u64,
        reserved: u64,
    ) -> Result<(Vec<Message>, ContextReport), CompileError> {
        let mut fixed = self.system.clone();
        fixed.push(self.question.clone());
        let mut used = most_tokens(&fixed);
        let most = share(self.policy, context);
        let recent = self.recent();
        let fits = |used: u64, turns: u64| {
            used.saturating_add(reserved).saturating_add(turns) <= context && turns <= most
        };
        let mut kept = recent.len();
        let (mut kept_tokens, mut dropped_tokens) = (0, 0);
        if !fits(used, if recent.is_empty() { 0 } else { most_tokens(recent) }) {
            let encoding = encoding(model)?;
            let count = |it: &Message| as_u64(message_tokens(it, encoding));
            used = fixed.iter().map(count).sum::<u64>() + as_u64(crate::tokens::ANSWER_FRAME);
            if !fits(used, 0) {
                let model = model.id.clone();
                return Err(CompileError::TooLong { model, tokens: used, reserved, context });
            }
            let all: u64 = self.turns.iter().map(count).sum();
            let newest = recent.iter().rev().map(count).scan(0, |sum, tokens| {
                *sum += tokens;
                Some(*sum)
            });
            let fitting: Vec<u64> = newest.take_while(|sum| fits(used, *sum)).collect();
            kept = fitting.len();
            kept_tokens = fitting.last().copied().unwrap_or(0);
            dropped_tokens = all - kept_tokens;
        }
        let report = ContextReport {
            policy: Some(self.policy),
            kept_turns: kept,
            dropped_turns: self.turns.len() - kept,
            kept_tokens,
            dropped_tokens,
            pinned: self.pinned.len(),
            chain_verified: self.chain_verified,
        };
        Ok((self.assemble(kept), report))
    }

    /// The turns that the policy looks at, oldest first.
    fn recent(&self) -> &[Message] {
        let from = match self.policy {
            Continuity::Aggressive => self.turns.len().saturating_sub(LAST_TURNS),
            Continuity::Basic | Continuity::Enhanced | Continuity::Comprehensive => 0,
        };
        self.turns.get(from..).unwrap_or_default()
    }

    fn assemble(&self, kept: usize) -> Vec<Message> {
        let from = self.turns.len().saturating_sub(kept);
        let turns = self.turns.get(from..).unwrap_or_default();
        self.system.iter().chain(turns).chain([&self.question]).cloned().collect()
    }
}

/// Whether the policy verifies the chain of turns and checks pinned facts.
pub(crate) fn verifies(policy: Continuity) -> bool {
    matches!(policy, Continuity::Comprehensive | Continuity::Aggressive)
}

fn chain_holds(turns: &[Turn]) -> Result<bool, CompileError> {
    match verify_chain(turns) {
        Chain::Verified => Ok(true),
        Chain::Unverified => Ok(false),
        Chain::Broken { turn } => Err(CompileError::BrokenChain { turn }),
    }
}

/// The tokens that turns may have together.
fn share(policy: Continuity, context: u64) -> u64 {
    let percent = match policy {
        Continuity::Basic => 25,
        Continuity::Enhanced => 50,
        Continuity::Comprehensive => 80,
        Continuity::Aggressive => 100,
    };
    context.saturating_mul(percent) / 100
}

fn pinned_text(pinned: &[String]) -> Option<String> {
    let facts: Vec<String> = pinned.iter().map(|fact| format!("- {fact}")).collect();
    (!facts.is_empty()).then(|| format!("Pinned facts:\n{}", facts.join("\n")))
}

fn message(role: &str, content: String) -> Message {
    Message { role: role.to_owned(), content }
}

/// Takes personal data out of texts, and counts it.
struct Redaction {
    on: bool,
    found: usize,
}

impl Redaction {
    fn text(&mut self, text: &str) -> String {
        if !self.on {
            return text.to_owned();
        }
        let (clean, found) = redact(text);
        self.found += found;
        clean
    }
}
