//! The recovery code: shown once, then four of its characters are asked for, as proof that it is written down.

use zeroize::Zeroizing;

use crate::{
    api::{Fault, auth::Secret},
    ui::{keymap::Action, widgets::form::Form},
};

/// How many characters are asked for.
const ASKED: usize = 4;

#[derive(Debug)]
pub struct CodeStage {
    code: Secret,
    /// Counted from 1, without the separators, ascending.
    positions: [usize; ASKED],
    /// Being asked; the code is not on the screen then.
    asking: Option<Form>,
}

impl CodeStage {
    /// `seed` chooses the positions; they are no secret, they only must not be the same ones for everybody.
    #[must_use]
    pub fn new(code: Secret, seed: i64) -> Self {
        let length = characters(&code).len();
        Self { positions: positions(length, seed.unsigned_abs()), code, asking: None }
    }

    pub fn form(&mut self) -> Option<&mut Form> {
        self.asking.as_mut()
    }

    #[must_use]
    pub fn asking(&self) -> Option<&Form> {
        self.asking.as_ref()
    }

    #[must_use]
    pub fn positions(&self) -> [usize; ASKED] {
        self.positions
    }

    /// The characters alone, in groups of four.
    #[must_use]
    pub fn groups(&self) -> Vec<Secret> {
        characters(&self.code).chunks(4).map(|group| Secret::new(group.iter().collect::<String>())).collect()
    }

    /// Whether the action was used, and whether the code is confirmed by it.
    pub fn on_action(&mut self, action: Action) -> (bool, bool) {
        match (&mut self.asking, action) {
            (None, Action::Submit) => {
                self.asking = Some(Form::default().text("Those four characters"));
                (true, false)
            }
            (None, _) => (false, false),
            (Some(_), Action::Cancel | Action::Escape) => {
                self.asking = None;
                (true, false)
            }
            (Some(_), Action::Submit) => (true, self.confirm()),
            (Some(form), action) => (form.on_action(action).is_ok(), false),
        }
    }

    /// Whether the four characters are right; says so when they are not. Case and separators do not matter.
    fn confirm(&mut self) -> bool {
        let all = characters(&self.code);
        let Some(form) = &mut self.asking else { return false };
        let typed: Vec<char> = form.value(0).chars().filter(char::is_ascii_alphanumeric).collect();
        let is_right = |(at, c): (&usize, &char)| all.get(at - 1).is_some_and(|known| known.eq_ignore_ascii_case(c));
        let right = typed.len() == ASKED && self.positions.iter().zip(&typed).all(is_right);
        if !right {
            let fault = Fault::invalid("These are not the four characters.").hint("The code can be shown again.");
            form.refuse(fault, Some(0));
        }
        right
    }

    #[must_use]
    pub fn footer(&self) -> Vec<(Action, &'static str)> {
        match self.asking {
            None => vec![(Action::Submit, "I have written it down")],
            Some(_) => vec![(Action::Submit, "confirm"), (Action::Cancel, "show the code again")],
        }
    }
}

fn characters(code: &Secret) -> Zeroizing<Vec<char>> {
    Zeroizing::new(code.reveal().chars().filter(char::is_ascii_alphanumeric).collect())
}

/// Four different positions spread over the code, one from each quarter.
fn positions(length: usize, seed: u64) -> [usize; ASKED] {
    let quarter = (length / ASKED).max(1);
    std::array::from_fn(|n| {
        // The usual multiplier of linear generators; the high bits are the mixed ones.
        let mixed = seed.wrapping_add(n as u64).wrapping_mul(6_364_136_223_846_793_005) >> 33;
        n * quarter + (mixed as usize % quarter) + 1
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "ABCD-EFGH-JKMN-PQRS-TVWX-YZ23-4567";

    #[test]
    fn the_positions_are_different_ascending_and_inside_the_code() {
        for seed in 0..1000 {
            let at = positions(28, seed);
            assert!(at.windows(2).all(|two| two[0] < two[1]), "{at:?}");
            assert!(at[0] >= 1 && at[3] <= 28, "{at:?}");
        }
        assert_ne!(positions(28, 1), positions(28, 2));
    }

    #[test]
    fn only_the_four_characters_confirm_in_either_case() {
        let mut stage = CodeStage::new(Secret::new(CODE), 7);
        assert_eq!(stage.on_action(Action::Submit), (true, false));
        let plain: Vec<char> = CODE.chars().filter(|c| *c != '-').collect();
        let right: String = stage.positions().iter().map(|at| plain[at - 1].to_ascii_lowercase()).collect();
        stage.form().unwrap().on_paste("9999");
        assert_eq!(stage.on_action(Action::Submit), (true, false));
        assert!(stage.asking().unwrap().fault().is_some());
        stage.form().unwrap().on_paste(&right);
        assert_eq!(stage.on_action(Action::Submit), (true, true));
    }

    #[test]
    fn the_code_can_be_looked_at_again_but_is_not_shown_while_it_is_asked_for() {
        let mut stage = CodeStage::new(Secret::new(CODE), 7);
        stage.on_action(Action::Submit);
        assert!(stage.asking().is_some());
        assert_eq!(stage.on_action(Action::Cancel), (true, false));
        assert!(stage.asking().is_none());
    }
}
