//! The documentation: each command in it is run or says why not, each link leads somewhere, what is
//! generated is in step, and the README's translation has its shape. CONTRIBUTING.md says how pages
//! mark their blocks.
mod architecture;
mod book;
mod commands;
mod messages;
mod page;
mod security;
mod session;
mod settings;
mod tour;
mod translation;
