//! The words of `ollamanet presets` and `ollamanet prompts`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::args::Paging;

#[derive(Debug, Subcommand)]
pub enum Presets {
    /// List presets by name
    #[command(visible_alias = "ls")]
    List {
        /// Only names with these letters in this order
        filter: Option<String>,
        #[command(flatten)]
        paging: Paging,
    },
    /// Everything of a preset, and what uses it
    Show { preset: String },
    /// Make a preset
    Create {
        name: String,
        #[command(flatten)]
        settings: Settings,
        /// Take what is not said from this conversation: its id, title, or `last`
        #[arg(long, value_name = "CONVERSATION")]
        from: Option<String>,
    },
    /// Change a preset; conversations keep what it has set in them
    Edit {
        preset: String,
        /// Another name
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        settings: Settings,
        /// Take these out of it: model, system or the name of an option; may be repeated
        #[arg(long, value_name = "WHAT")]
        clear: Vec<String>,
    },
    /// Remove presets; what they have set in conversations stays
    Delete {
        #[arg(required = true, value_name = "PRESET")]
        presets: Vec<String>,
    },
    /// What new conversations begin with where nothing else is said
    Default {
        /// This one from now on
        preset: Option<String>,
        /// Nothing
        #[arg(long, conflicts_with = "preset")]
        none: bool,
    },
    /// Set a conversation to what a preset says
    Apply {
        preset: String,
        /// Id, the beginning or end of one, title, or `last`
        conversation: String,
    },
    /// Write presets as a file that `import` reads
    Export {
        /// These; otherwise all
        #[arg(value_name = "PRESET")]
        presets: Vec<String>,
        #[command(flatten)]
        to: To,
    },
    /// Take presets from a file, all or none; twice adds nothing
    Import(Import),
}

/// What a preset holds.
#[derive(Args, Debug, Default)]
pub struct Settings {
    /// The model
    #[arg(short, long)]
    pub model: Option<String>,
    /// The system prompt
    #[arg(short, long, value_name = "TEXT")]
    pub system: Option<String>,
    /// The system prompt, from a file
    #[arg(long, value_name = "FILE", conflicts_with = "system")]
    pub system_file: Option<PathBuf>,
    /// An option such as temperature=0.2; may be repeated
    #[arg(short, long = "option", value_name = "NAME=VALUE")]
    pub options: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub enum Prompts {
    /// List prompt templates by name
    #[command(visible_alias = "ls")]
    List {
        /// Only names with these letters in this order
        filter: Option<String>,
        #[command(flatten)]
        paging: Paging,
    },
    /// A template as it is written, and what it asks for
    Show { prompt: String },
    /// Make a template: {{name}}, {{name=default}} and {{name:one|other}} are asked for; \{{ is two braces
    #[command(after_help = PLACES)]
    Create {
        name: String,
        #[command(flatten)]
        body: Body,
    },
    /// Change a template
    #[command(after_help = PLACES)]
    Edit {
        prompt: String,
        /// Another name
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        body: Body,
    },
    /// Remove templates
    Delete {
        #[arg(required = true, value_name = "PROMPT")]
        prompts: Vec<String>,
    },
    /// Fill a template in and print it. Standard input is its {{selection}}
    Render {
        prompt: String,
        /// What is asked for; what is not said is as usual
        #[arg(value_name = "NAME=VALUE")]
        values: Vec<String>,
    },
    /// Write templates as a file that `import` reads
    Export {
        /// These; otherwise all
        #[arg(value_name = "PROMPT")]
        prompts: Vec<String>,
        #[command(flatten)]
        to: To,
    },
    /// Take templates from a file, all or none; twice adds nothing
    Import(Import),
}

const PLACES: &str = "\
In a template:
  {{name}}                  asked for
  {{name=default}}          asked for, with something there already
  {{tone:formal|friendly}}  one of these
  {{date}} {{time}}         put in by the program
  {{selection}}             the message that is selected, or standard input
  \\{{                       two braces that mean nothing";

/// The text of a template.
#[derive(Args, Debug)]
pub struct Body {
    /// The text; without it and without --file, standard input
    #[arg(value_name = "TEXT")]
    pub text: Option<String>,
    /// The text, from a file
    #[arg(long, value_name = "FILE", conflicts_with = "text")]
    pub file: Option<PathBuf>,
}

/// Where an export goes.
#[derive(Args, Debug)]
pub struct To {
    /// Into this file; otherwise to standard output
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
    /// Over a file that is there already
    #[arg(long, requires = "to")]
    pub force: bool,
}

#[derive(Args, Debug)]
pub struct Import {
    /// The file; - is standard input
    pub file: PathBuf,
    /// Where a name is taken, put the file's in its place; otherwise what is there is kept
    #[arg(long)]
    pub replace: bool,
}
