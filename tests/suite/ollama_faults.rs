//! ollama faults
