//! Every action with its default keys: the one table behind key handling, help, palette, footer and the key documentation.
//!
//! What a person changed in the configuration lies in [`Keymap`]; this file says only what there is.

/// Where the keys are being typed. An action is looked up in its context first, then in the one
/// around it, then in `Global`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Context {
    Global,
    Composer,
    Tree,
    Transcript,
    /// A passage of a message is being selected.
    Selection,
    /// The picture of a conversation's branches.
    Branches,
    /// Several models beside each other.
    Compare,
    /// What a model receives of a file.
    Preview,
    /// The Models screen, whichever of its tabs is open.
    Models,
    /// The list of all models.
    Fleet,
    /// The Library, whichever of its tabs is open, and a list like those in a box.
    Library,
    /// A list of jobs: in the tray, and the tab of downloads.
    Jobs,
    /// Any list in a modal: palette, model picker, prompt history.
    List,
    Form,
    /// One's own account, when no form is open there.
    Account,
    /// The Search screen: letters go into its box.
    Search,
    /// The Insights screen, whichever of its tabs is open.
    Insights,
    /// The Admin screen, whichever of its tabs is open.
    Admin,
    Overview,
    Users,
    Roles,
    Settings,
    Audit,
    Backups,
    Health,
    Metrics,
    Rules,
}

impl Context {
    /// All of them, in the order that help shows them.
    pub const ALL: [Self; 27] = [
        Self::Global,
        Self::Composer,
        Self::Tree,
        Self::Transcript,
        Self::Selection,
        Self::Branches,
        Self::Compare,
        Self::Preview,
        Self::Models,
        Self::Fleet,
        Self::Library,
        Self::Jobs,
        Self::List,
        Self::Form,
        Self::Account,
        Self::Search,
        Self::Insights,
        Self::Admin,
        Self::Overview,
        Self::Users,
        Self::Roles,
        Self::Settings,
        Self::Audit,
        Self::Backups,
        Self::Health,
        Self::Metrics,
        Self::Rules,
    ];

    /// The wider one whose keys hold here too, before those of `Global`.
    #[must_use]
    pub fn within(self) -> Option<Self> {
        match self {
            Self::Overview
            | Self::Users
            | Self::Roles
            | Self::Settings
            | Self::Audit
            | Self::Backups
            | Self::Health
            | Self::Metrics
            | Self::Rules => Some(Self::Admin),
            Self::Fleet | Self::Jobs => Some(Self::Models),
            Self::Global
            | Self::Composer
            | Self::Tree
            | Self::Transcript
            | Self::Selection
            | Self::Branches
            | Self::Compare
            | Self::Preview
            | Self::Models
            | Self::Library
            | Self::List
            | Self::Form
            | Self::Account
            | Self::Search
            | Self::Insights
            | Self::Admin => None,
        }
    }

    /// The name in the configuration file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Composer => "composer",
            Self::Tree => "tree",
            Self::Transcript => "transcript",
            Self::Selection => "selection",
            Self::Branches => "branches",
            Self::Compare => "compare",
            Self::Preview => "preview",
            Self::Models => "models",
            Self::Fleet => "fleet",
            Self::Library => "library",
            Self::Jobs => "jobs",
            Self::List => "list",
            Self::Form => "form",
            Self::Account => "account",
            Self::Search => "search",
            Self::Insights => "insights",
            Self::Admin => "admin",
            Self::Overview => "overview",
            Self::Users => "users",
            Self::Roles => "roles",
            Self::Settings => "settings",
            Self::Audit => "audit",
            Self::Backups => "backups",
            Self::Health => "health",
            Self::Metrics => "metrics",
            Self::Rules => "rules",
        }
    }

    /// The heading in help.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Global => "Everywhere",
            Self::Composer => "Writing",
            Self::Tree => "Conversation list",
            Self::Transcript => "Messages",
            Self::Selection => "Selecting a passage",
            Self::Branches => "Branches",
            Self::Compare => "Comparing models",
            Self::Preview => "What the model receives",
            Self::Models => "Models",
            Self::Fleet => "List of models",
            Self::Library => "Library",
            Self::Jobs => "Jobs",
            Self::List => "Lists to choose from",
            Self::Form => "Forms",
            Self::Account => "Your account",
            Self::Search => "Search",
            Self::Insights => "Insights",
            Self::Admin => "Administration",
            Self::Overview => "Overview",
            Self::Users => "Users",
            Self::Roles => "Roles",
            Self::Settings => "Settings of the house",
            Self::Audit => "Audit trail",
            Self::Backups => "Backups",
            Self::Health => "Health",
            Self::Metrics => "Metrics",
            Self::Rules => "Rules of the house",
        }
    }
}

impl Action {
    /// Its row of the table.
    #[must_use]
    pub fn spec(self) -> &'static Spec {
        // The macro writes both in one order, which a test holds.
        &ACTIONS[self as usize]
    }
}

macro_rules! actions {
    ($($context:ident { $($variant:ident $name:literal [$($key:literal),*] $help:literal;)* })*) => {
        /// What a key can mean. The name is what the configuration file and the palette use.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Action { $($($variant,)*)* }

        /// All actions in the order that help shows them.
        pub const ACTIONS: &[Spec] = &[$($(Spec {
            action: Action::$variant, context: Context::$context, name: $name, keys: &[$($key),*], help: $help,
        },)*)*];
    };
}

/// One row of the table.
#[derive(Debug)]
pub struct Spec {
    pub action: Action,
    pub context: Context,
    pub name: &'static str,
    /// Default keys, written as the configuration file writes them.
    pub keys: &'static [&'static str],
    pub help: &'static str,
}

actions! {
    Global {
        Help "help" ["f1"] "Show the keys that work here";
        Palette "palette" ["ctrl+p", "f2"] "Command palette: every action by name";
        NewConversation "new-conversation" ["ctrl+n"] "New conversation";
        ModelPicker "model-picker" ["ctrl+o"] "Choose the model";
        CompareModels "compare-models" ["alt+m"] "Ask two to four models the same, beside each other";
        PromptHistory "prompt-history" ["ctrl+r"] "Search your earlier prompts";
        PromptTemplate "prompt-template" ["alt+t"] "Write with a prompt template";
        ChoosePreset "preset" [] "Set the conversation to a preset";
        SavePreset "save-preset" [] "Save the conversation's settings as a preset";
        ToggleSidebar "toggle-sidebar" ["ctrl+b"] "Show or hide the conversation list";
        ToggleOptions "toggle-options" ["f4"] "Show or hide the side panel with options";
        InstallFirst "install-first" ["f8"] "Where no model is installed: install the one that is proposed";
        NextFirst "next-first" ["f3"] "Where no model is installed: the next proposal";
        ToggleJobs "toggle-jobs" ["f6"] "Show what runs in the background";
        Refresh "refresh" ["f5"] "Ask Ollama again: health and models";
        Undo "undo" ["alt+z"] "Take back the last change to the list";
        RetentionRules "old-conversations" [] "Rules for old conversations, with a preview";
        StartOllama "start-ollama" ["f7"] "Start Ollama when it is installed but not running";
        ContinueAnswer "continue-answer" ["alt+c"] "Go on with the last answer, if it was broken off";
        AnswerAgain "answer-again" ["alt+r"] "Answer the last question once more";
        FocusNext "focus-next" ["tab"] "Focus the next part of the screen";
        FocusPrevious "focus-previous" ["shift+tab"] "Focus the previous part of the screen";
        ScreenChat "screen-chat" ["alt+1"] "Chat screen";
        ScreenModels "screen-models" ["alt+2", "f9"] "Models: all there are, installed or not";
        ScreenLibrary "screen-library" ["alt+3"] "Library: notes, presets, prompt templates, files";
        ScreenSearch "screen-search" ["alt+4", "ctrl+f"] "Search everything that was said and written";
        ScreenInsights "screen-insights" ["alt+5"] "Insights screen: your own use in figures";
        ScreenAdmin "screen-admin" ["alt+6"] "Admin screen, for administrators";
        ScreenAccount "screen-account" ["alt+9"] "Your account: profile, second factor, sessions, limits, data";
        Export "export" [] "Export conversations into a file…";
        Import "import" [] "Import conversations from a file…";
        Lock "lock" ["ctrl+l"] "Lock the screen; the vault closes";
        SignOut "sign-out" [] "Sign out and forget “stay signed in”";
        ChangePassphrase "change-passphrase" [] "Change your passphrase";
        CycleTheme "cycle-theme" [] "Next theme: dark, light, plain";
        Suspend "suspend" ["ctrl+z"] "Suspend to the shell";
        Interrupt "interrupt" ["ctrl+c"] "Clear the draft, stop the answer, then twice to quit";
        Quit "quit" ["ctrl+q"] "Quit";
        Escape "escape" ["esc"] "Stop the answer, close what is open, step out";
    }
    Composer {
        Send "send" ["enter"] "Send; while an answer runs, queue";
        Newline "newline" ["ctrl+j", "alt+enter", "shift+enter"] "New line";
        Editor "editor" ["ctrl+g"] "Edit in $VISUAL or $EDITOR";
        UnfoldPaste "unfold-paste" ["alt+p"] "Show the pasted text behind the placeholder at the cursor";
        AttachFile "attach-file" ["alt+a"] "Choose files to attach";
        PreviewAttached "preview-attached" ["alt+v"] "Look at what the model receives of what is attached";
        EndOfInput "end-of-input" ["ctrl+d"] "Quit, when the composer is empty";
        HistoryBack "history-back" ["up"] "At the first line: the prompt before";
        HistoryForward "history-forward" ["down"] "At the last line: the prompt after";
        ScrollUp "scroll-up" ["pageup"] "Scroll the conversation up";
        ScrollDown "scroll-down" ["pagedown"] "Scroll the conversation down";
    }
    Tree {
        TreeUp "up" ["k", "up"] "Up";
        TreeDown "down" ["j", "down"] "Down";
        TreeTop "top" ["g", "home"] "To the top";
        TreeBottom "bottom" ["shift+g", "end"] "To the bottom";
        TreePageUp "page-up" ["pageup", "ctrl+u"] "A page up";
        TreePageDown "page-down" ["pagedown", "ctrl+d"] "A page down";
        TreeOpen "open" ["enter", "l", "right"] "Open the conversation, unfold the folder";
        TreeFold "fold" ["h", "left"] "Fold the folder, or go to its parent";
        TreeFilter "filter" ["/"] "Filter by title";
        TreeNewFolder "new-folder" ["shift+n"] "New folder here";
        TreeRename "rename" ["r"] "Rename";
        TreeMove "move" ["m"] "Move to another folder";
        TreePin "pin" ["p"] "Pin or unpin";
        TreeMark "mark" ["space"] "Mark, to do something to several";
        TreeTags "tags" ["t"] "Give and take tags";
        TreeByTag "by-tag" ["shift+t"] "Show only what carries a tag";
        TreeArchive "archive" ["a"] "Into the archive, or out of it";
        TreeDuplicate "duplicate" ["c"] "Copy with every branch, file and note";
        TreeTrash "trash" ["d", "delete"] "Move to the trash; asks for folders";
        TreeRestore "restore" ["u"] "Restore from the trash, or take back the last change";
        TreePurge "purge" ["shift+p"] "Remove for good, from the trash";
        TreeEmptyTrash "empty-trash" [] "Remove everything in the trash for good";
        TreeGrouping "grouping" ["v"] "Lay out by folder, or by when it was used";
        TreeExport "export" ["x"] "Export the conversation or the folder into a file";
        TreeNote "note" ["n"] "Write a note on the conversation";
        TreeHelp "tree-help" ["?"] "Show the keys that work here";
    }
    Transcript {
        LineUp "line-up" ["k", "up"] "The message above";
        LineDown "line-down" ["j", "down"] "The message below";
        Top "top" ["g", "home"] "To the beginning";
        Bottom "bottom" ["shift+g", "end"] "To the end";
        PageUp "page-up" ["pageup", "ctrl+u"] "A page up";
        PageDown "page-down" ["pagedown", "ctrl+d"] "A page down";
        PreviousPrompt "previous-prompt" ["{"] "To the prompt before";
        NextPrompt "next-prompt" ["}"] "To the prompt after";
        CopyMessage "copy-message" ["y"] "Copy the message";
        CopyBlock "copy-block" ["shift+y"] "Copy a code block of the message";
        EditMessage "edit-message" ["e"] "Edit your message and branch";
        BranchHere "branch" ["b"] "Go on from this answer as a new branch";
        Regenerate "regenerate" ["r"] "Answer once more, as a sibling";
        Continue "continue" ["c"] "Go on with a broken-off answer";
        PreviousSibling "previous-sibling" ["["] "The sibling answer before";
        NextSibling "next-sibling" ["]"] "The sibling answer after";
        Exclude "exclude" ["x"] "Leave the message out of what the model sees";
        PinMessage "pin-message" ["p"] "Always let the model see the message";
        Fold "fold" ["z"] "Fold or unfold the message";
        FoldThinking "fold-thinking" ["t"] "Fold or unfold the thinking";
        Shorten "shorten" ["s"] "After a refusal for length: leave out older messages and ask again";
        SelectPassage "select" ["v"] "Select a passage, to note or copy it";
        NoteMessage "note" ["n"] "Write a note on the message";
        NoteConversation "note-conversation" [] "Write a note on the conversation";
        ListNotes "notes" ["shift+n"] "List the notes of the conversation";
        RateUp "rate-up" ["+"] "Rate the answer as good; again takes it back";
        RateDown "rate-down" ["-"] "Rate the answer as not good; again takes it back";
        PreviewSent "files" ["a"] "Look at what the model received of the files of the message";
        WhySlow "why-slow" ["w"] "Where the time of the answer went, and what would make it faster";
        ShowBranches "branches" ["shift+b"] "Show the branches as a picture";
        TranscriptHelp "transcript-help" ["?"] "Show the keys that work here";
    }
    Selection {
        SelectLeft "left" ["h", "left"] "A letter to the left";
        SelectRight "right" ["l", "right"] "A letter to the right";
        SelectUp "up" ["k", "up"] "A line up";
        SelectDown "down" ["j", "down"] "A line down";
        SelectWord "word" ["w"] "To the next word";
        SelectWordBack "word-back" ["b"] "To the word before";
        SelectLineStart "line-start" ["0", "home"] "To the beginning of the line";
        SelectLineEnd "line-end" ["$", "end"] "To the end of the line";
        SelectTop "top" ["g"] "To the beginning of the message";
        SelectBottom "bottom" ["shift+g"] "To the end of the message";
        SelectNote "note" ["enter", "n"] "Write a note on the passage";
        SelectCopy "copy" ["y"] "Copy the passage";
        SelectHelp "selection-help" ["?"] "Show the keys that work here";
    }
    Branches {
        BranchesUp "up" ["k", "up"] "Up";
        BranchesDown "down" ["j", "down"] "Down";
        BranchesTop "top" ["g", "home"] "To the top";
        BranchesBottom "bottom" ["shift+g", "end"] "To the bottom";
        BranchesPageUp "page-up" ["pageup", "ctrl+u"] "A page up";
        BranchesPageDown "page-down" ["pagedown", "ctrl+d"] "A page down";
        BranchesParent "parent" ["h", "left"] "To the fork it hangs on";
        BranchesGo "go" ["enter"] "Put the branch on view";
        BranchesPrune "prune" ["d", "delete"] "Move the branch to the trash";
        BranchesRestore "restore" ["u"] "Take the branch out of the trash";
        BranchesPurge "purge" ["shift+p"] "Remove a branch in the trash for good";
        BranchesHelp "branches-help" ["?"] "Show the keys that work here";
    }
    Preview {
        PreviewUp "up" ["k", "up"] "Up";
        PreviewDown "down" ["j", "down"] "Down";
        PreviewTop "top" ["g", "home"] "To the top";
        PreviewBottom "bottom" ["shift+g", "end"] "To the end";
        PreviewPageUp "page-up" ["pageup", "ctrl+u"] "A page up";
        PreviewPageDown "page-down" ["pagedown", "ctrl+d", "space"] "A page down";
        PreviewNext "next" ["tab", "l", "right"] "The next file";
        PreviewPrevious "previous" ["shift+tab", "h", "left"] "The file before";
        PreviewClose "close" ["q"] "Close";
        PreviewHelp "preview-help" ["?"] "Show the keys that work here";
    }
    Models {
        ModelsAll "all" ["1"] "All models";
        ModelsDownloads "downloads" ["2"] "Downloads, and other work on models";
        ModelsMonitor "monitor" ["3"] "How the server is doing: memory, queue, cache";
        ModelsUp "up" ["k", "up"] "Up";
        ModelsDown "down" ["j", "down"] "Down";
        ModelsTop "top" ["g", "home"] "To the top";
        ModelsBottom "bottom" ["shift+g", "end"] "To the end";
        ModelsPageUp "page-up" ["pageup", "ctrl+u"] "A page up";
        ModelsPageDown "page-down" ["pagedown", "ctrl+d"] "A page down";
        ModelsHelp "models-help" ["?"] "Show the keys that work here";
    }
    Fleet {
        FleetOpen "open" ["enter"] "Show everything about the model";
        FleetFilter "filter" ["/"] "Filter by words and by filters such as cap:vision size:<8GB";
        FleetUse "use" ["a"] "Ask this model: choose it in the chat";
        FleetMark "mark" ["space"] "Mark the model, to do something to several";
        FleetSort "sort" ["s"] "Choose the column to sort by";
        FleetTurn "turn" ["shift+s"] "Sort the other way round";
        FleetTags "tags" ["t"] "Show only what carries tags; administrators change the tags here";
        FleetSaved "saved-filters" ["f"] "Choose or delete a saved filter";
        FleetSave "save-filter" ["shift+f"] "Save the filter under a name";
        FleetNextPart "next-part" ["]", "l", "right"] "The next part of what is known about the model";
        FleetPreviousPart "previous-part" ["[", "h", "left"] "The part before";
        FleetCopyText "copy-text" ["y"] "Copy the part of the detail that is on view";
        FleetCopyName "copy-name" ["shift+y"] "Copy the name";
        FleetAdvise "advise" ["w"] "Which model to take for what, with the reasons";
        FleetInstall "install" ["i"] "Install";
        FleetUpdate "update" ["u"] "Update, where the registry has a newer one";
        FleetAskUpdates "ask-updates" ["o"] "Ask the registries whether there are updates: of the marked ones, else of all";
        FleetRemove "remove" ["d", "delete"] "Remove from this machine; asks first";
        FleetCopy "copy" ["c"] "Copy under another name";
        FleetRename "rename" ["r"] "Rename";
        FleetModelfile "modelfile" ["shift+m"] "Make a model from a Modelfile";
        FleetLoad "load" ["shift+l"] "Load into memory";
        FleetUnload "unload" ["shift+u"] "Out of memory";
        FleetKeep "keep" ["shift+k"] "Keep in memory for good";
        FleetPush "push" ["p"] "Upload to the registry that its name says; asks first";
        FleetBenchmark "benchmark" ["shift+b"] "Measure how fast it is: a benchmark that waits while anybody chats";
        FleetBatch "batch" ["b"] "Do one thing to all that are marked, with a dry run first";
        FleetFromFile "from-file" ["shift+i"] "Do what a list in a file says: install, update, remove";
        FleetTag "tag" ["shift+t"] "Give and take tags";
        FleetEdit "edit" ["e"] "Write description, links and notes";
    }
    Compare {
        CompareLeft "left" ["h", "left", "shift+tab"] "The model to the left";
        CompareRight "right" ["l", "right", "tab"] "The model to the right";
        CompareUp "up" ["k", "up"] "Up in its answer";
        CompareDown "down" ["j", "down"] "Down in its answer";
        ComparePageUp "page-up" ["pageup", "ctrl+u"] "A page up";
        ComparePageDown "page-down" ["pagedown", "ctrl+d"] "A page down";
        CompareTop "top" ["g", "home"] "To the beginning of its answer";
        CompareBottom "bottom" ["shift+g", "end"] "To the end, and follow it";
        CompareKeep "keep" ["enter"] "Keep this answer; the others go to the trash";
        CompareKeepAll "keep-all" ["a"] "Keep all as branches";
        CompareCopy "copy" ["y"] "Copy the answer";
        CompareHelp "compare-help" ["?"] "Show the keys that work here";
    }
    Library {
        LibraryNextTab "next-tab" ["tab"] "The next tab";
        LibraryPreviousTab "previous-tab" ["shift+tab"] "The tab before";
        LibraryNotes "notes" ["1"] "Notes";
        LibraryPresets "presets" ["2"] "Presets";
        LibraryPrompts "prompts" ["3"] "Prompt templates";
        LibraryFiles "files" ["4"] "Files that were attached";
        LibraryUp "up" ["k", "up"] "Up";
        LibraryDown "down" ["j", "down"] "Down";
        LibraryTop "top" ["g", "home"] "To the top";
        LibraryBottom "bottom" ["shift+g", "end"] "To the end of what is loaded";
        LibraryPageUp "page-up" ["pageup", "ctrl+u"] "A page up";
        LibraryPageDown "page-down" ["pagedown", "ctrl+d"] "A page down";
        LibraryFilter "filter" ["/"] "Filter by what is typed";
        LibraryOpen "open" ["enter"] "Go to where it stands, or use it in the chat";
        LibraryNew "new" ["n"] "Write a new one";
        LibraryEdit "edit" ["e"] "Change it";
        LibraryDelete "delete" ["d", "delete"] "Delete it; asks first";
        LibraryDefault "default" ["*"] "Let new conversations begin with the preset, or no longer";
        LibraryFolder "folder" ["f"] "Let those of a folder begin with the preset, or no longer";
        LibraryExport "export" ["x"] "Write what is listed to a file";
        LibraryImport "import" ["i"] "Take presets or templates from a file";
        LibraryHelp "library-help" ["?"] "Show the keys that work here";
    }
    Jobs {
        JobsUp "up" ["k", "up"] "Up";
        JobsDown "down" ["j", "down"] "Down";
        JobsTop "top" ["g", "home"] "To the top";
        JobsBottom "bottom" ["shift+g", "end"] "To the end of what is loaded";
        JobsPageUp "page-up" ["pageup", "ctrl+u"] "A page up";
        JobsPageDown "page-down" ["pagedown", "ctrl+d"] "A page down";
        JobsOpen "open" ["enter"] "Show or hide all that is known of the job";
        JobsMark "mark" ["space"] "Mark the job, to do something to several";
        JobsPause "pause" ["p"] "Pause it, or let it go on";
        JobsCancel "cancel" ["x", "delete"] "Cancel it; asks first";
        JobsRetry "retry" ["r"] "Try it again, or now instead of later";
        JobsForget "forget" ["shift+x"] "Clear those that have ended; asks first";
        JobsHelp "jobs-help" ["?"] "Show the keys that work here";
    }
    List {
        ListUp "up" ["up", "ctrl+p"] "Up";
        ListDown "down" ["down", "ctrl+n"] "Down";
        ListPageUp "page-up" ["pageup"] "A page up";
        ListPageDown "page-down" ["pagedown"] "A page down";
        ListAccept "accept" ["enter"] "Choose";
        ListClose "close" ["esc"] "Close";
    }
    Form {
        NextField "next-field" ["tab", "down"] "Next field";
        PreviousField "previous-field" ["shift+tab", "up"] "Previous field";
        Submit "submit" ["enter"] "Next field; on the last one: done";
        Reveal "reveal" ["f3"] "Show the passphrase while it is typed";
        Generate "generate" ["f8"] "Propose a passphrase";
        Recover "recover" ["f9"] "Use the recovery code";
        OneTimeCode "one-time-code" ["f10", "alt+o"] "Begin with a one-time code from an administrator";
        NewAccount "new-account" ["f12", "alt+n"] "Make an account, where that is open to everybody";
        Cancel "cancel" ["esc"] "Back";
    }
    Account {
        AccountNextTab "next-tab" ["tab", "right", "l"] "The next tab";
        AccountPreviousTab "previous-tab" ["shift+tab", "left", "h"] "The tab before";
        AccountProfile "profile" ["1"] "Profile and preferences";
        AccountFactor "second-factor" ["2"] "The second factor";
        AccountSessions "sessions" ["3"] "Your sessions";
        AccountLimits "limits" ["4"] "Your limits, and what is left of them";
        AccountActivity "activity" ["5"] "What is recorded of you";
        AccountData "data" ["6"] "Your data: export, recovery code, passphrase, the way out";
        AccountUp "up" ["up", "k"] "Up";
        AccountDown "down" ["down", "j"] "Down";
        AccountTop "top" ["g", "home"] "To the top";
        AccountBottom "bottom" ["shift+g", "end"] "To the bottom";
        AccountPageUp "page-up" ["pageup", "ctrl+u"] "A page up";
        AccountPageDown "page-down" ["pagedown", "ctrl+d"] "A page down";
        AccountOpen "open" ["enter"] "Change or do what is selected; end the selected session";
        AccountEndOthers "end-others" ["x"] "End every session but this one";
        AccountHelp "account-help" ["?"] "Show the keys that work here";
    }
    Search {
        SearchUp "up" ["up", "ctrl+p"] "The result above";
        SearchDown "down" ["down", "ctrl+n"] "The result below";
        SearchPageUp "page-up" ["pageup"] "A page up";
        SearchPageDown "page-down" ["pagedown"] "A page down";
        SearchOpen "open" ["enter"] "Go to the result in its conversation; take the filter that is explained";
        SearchNextFilter "next-filter" ["tab"] "Explain the next filter";
        SearchPreviousFilter "previous-filter" ["shift+tab"] "Explain the filter before";
    }
    Insights {
        InsightsOverview "overview" ["1"] "Figures over time";
        InsightsModels "models" ["2"] "Models: answers, speed, times";
        InsightsFolders "folders" ["3"] "Folders, and the longest conversations";
        InsightsHours "hours" ["4"] "Hours of the week";
        InsightsRatings "ratings" ["5"] "Ratings by model, and their reasons";
        InsightsUp "up" ["k", "up"] "Up: another figure, bar or day";
        InsightsDown "down" ["j", "down"] "Down: another figure, bar or day";
        InsightsLeft "left" ["h", "left"] "Earlier";
        InsightsRight "right" ["l", "right"] "Later";
        InsightsTop "top" ["g", "home"] "To the beginning";
        InsightsBottom "bottom" ["shift+g", "end"] "To the end";
        InsightsPageUp "page-up" ["pageup", "ctrl+u"] "A page up, or seven columns earlier";
        InsightsPageDown "page-down" ["pagedown", "ctrl+d"] "A page down, or seven columns later";
        InsightsOpen "open" ["enter"] "What is behind the bar: conversations, one model, one folder";
        InsightsPeriod "period" ["p"] "The next period: 7, 30, 90, 365 days, everything";
        InsightsPeriodBack "period-back" ["shift+p"] "The period before";
        InsightsModel "model" ["m"] "Only one model";
        InsightsFolder "folder" ["f"] "Only one folder and what lies in it";
        InsightsExport "export" ["x"] "Write the figures to a file, CSV or JSON";
        InsightsHelp "insights-help" ["?"] "Show the keys that work here";
    }
    Admin {
        AdminOverview "overview" ["1"] "The whole house in figures";
        AdminUsers "users" ["2"] "The accounts";
        AdminRoles "roles" ["3"] "Roles: what each may do, how often, with which models";
        AdminSettings "settings" ["4"] "The settings of the house";
        AdminAudit "audit" ["5"] "The audit trail";
        AdminBackups "backups" ["6"] "Backups: made, checked, restored";
        AdminHealth "health" ["7"] "How everything stands, and how it stood";
        AdminMetrics "metrics" ["8"] "Metrics: how often, how fast, and the last requests";
        AdminRules "rules" ["9"] "Rules: what is done by itself, and when";
        AdminUp "up" ["k", "up"] "Up";
        AdminDown "down" ["j", "down"] "Down";
        AdminLeft "left" ["h", "left"] "To the left";
        AdminRight "right" ["l", "right"] "To the right";
        AdminTop "top" ["g", "home"] "To the top";
        AdminBottom "bottom" ["shift+g", "end"] "To the end of what is loaded";
        AdminPageUp "page-up" ["pageup", "ctrl+u"] "A page up";
        AdminPageDown "page-down" ["pagedown", "ctrl+d"] "A page down";
        AdminHelp "admin-help" ["?"] "Show the keys that work here";
    }
    Overview {
        OverviewOpen "open" ["enter"] "Look behind the row or the column; Esc leads back";
        OverviewPeriod "period" ["p"] "The next period: today, 7, 30, 365 days";
        OverviewPeriodBack "period-back" ["shift+p"] "The period before";
        OverviewGrain "grain" ["w"] "By day, week or month, or as fits the period";
        OverviewFilter "filter" ["/"] "Choose days, an account, a role or a model";
        OverviewExport "export" ["x"] "Write what is on view to a file, CSV or JSON";
    }
    Users {
        UserOpen "open" ["enter"] "Show the account";
        UserFilter "filter" ["/"] "Filter by name";
        UserShow "show" ["f"] "Choose which roles and states are listed";
        UserMark "mark" ["space"] "Mark the account, to do something to several";
        UserNew "new" ["n"] "Make an account";
        UserRole "role" ["r"] "Give another role";
        UserLock "lock" ["l"] "Keep out for some minutes";
        UserUnlock "unlock" ["u"] "Let in again; forget failed sign-ins";
        UserEnable "enable" ["e"] "Enable";
        UserDisable "disable" ["x"] "Disable: keep out until enabled again";
        UserReset "reset" ["c"] "Forget the passphrase and make a one-time code instead";
        UserRemoveFactor "remove-second-factor" ["o"] "Take the second factor away from whoever has lost it";
        UserEndSessions "end-sessions" ["s"] "End all sessions; beside a session: that one";
        UserLimits "limits" ["i"] "Limits of this account";
        UserModels "models" ["m"] "Which models this account may use";
        UserDelete "delete" ["d", "delete"] "Move to the trash";
        UserRestore "restore" ["b"] "Bring back from the trash";
        UserPurge "purge" ["shift+p"] "Remove for good, from the trash";
    }
    Roles {
        RoleChange "change" ["space", "enter"] "Allow, deny, or follow the rank again";
        RoleNew "new" ["n"] "Make a role";
        RoleRename "rename" ["r"] "Rename the role";
        RoleLimits "limits" ["i"] "Limits of the role";
        RoleModels "models" ["m"] "Which models the role may use";
        RoleDelete "delete" ["d", "delete"] "Remove the role; its members get another";
    }
    Settings {
        SettingChange "change" ["space", "enter"] "Change the setting; among changes, go back to this one";
        SettingTakeBack "take-back" ["z"] "Take the last change of the setting back";
        SettingUnset "default" ["u"] "Let the setting have its default again";
        SettingHistory "history" ["v"] "Who changed the setting, and when";
        SettingChanges "changes" ["a"] "All changes of all settings";
        SettingSince "since" ["c"] "What was changed since yesterday";
        SettingFilter "filter" ["/"] "Show only some settings";
    }
    Audit {
        TrailFilter "filter" ["/"] "Filter by action, person, result or time";
        TrailVerify "verify" ["v"] "Verify the trail from its first entry to its last";
        TrailExport "export" ["x"] "Write what is listed to a file";
        TrailPrune "prune" ["p"] "Remove what the rule no longer keeps";
    }
    Backups {
        BackupCreate "create" ["n"] "Make a backup";
        BackupVerify "verify" ["v"] "Check the backup by restoring it into a scratch directory";
        BackupRestore "restore" ["r"] "Restore the backup: everything, or one vault";
        BackupSchedule "schedule" ["s"] "When one is made on its own, and how many stay";
        BackupPrune "prune" ["p"] "Remove the backups that the rule no longer keeps";
        BackupPurge "purge" ["shift+p"] "Remove for good what a restore moved aside";
    }
    Health {
        HealthCheck "check" ["c"] "Check everything now";
        HealthFull "check-in-full" ["f"] "Look through the whole system database; once more: break it off";
        HealthPeriod "period" ["p"] "The next period: 24 hours, 7 days, 30 days";
    }
    Metrics {
        MetricsSwitch "requests" ["r"] "To the last requests, or back to the figures";
        MetricsOpen "open" ["enter"] "Show the request with its steps";
    }
    Rules {
        RuleAdd "add" ["n"] "Set up a rule";
        RuleEdit "edit" ["e", "enter"] "Change the rule";
        RuleTry "try" ["d"] "Say what it would do now, and do nothing";
        RuleRun "run" ["r"] "Run it now";
        RuleSwitch "switch" ["space"] "On or off; a paused one begins anew";
        RuleHistory "history" ["v"] "What it did, and what came of it";
        RuleRemove "remove" ["x", "delete"] "Remove it, after a question";
    }
}
