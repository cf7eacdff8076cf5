//! Finds what is sensitive by its own form, in free text: e-mail addresses, cards, keys.
