//! Deployment of overlay generations: plan, checks, staged rollout, rollback.
