//! ollama replay
