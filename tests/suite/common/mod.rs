//! What the tests bring along: temporary directories, a fake Ollama, a pseudo-terminal.
