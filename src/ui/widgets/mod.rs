//! Parts that more than one screen is made of. None of them knows a service.

pub mod field;
pub mod modal;
pub mod picker;
pub mod toast;
