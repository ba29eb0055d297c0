//! Runs the current build on other kernels, in qemu without KVM. See docs/kernels.md.

mod apt;
mod cache;
mod cli;
mod cpio;
mod crash;
mod emulator;
mod follow;
mod initramfs;
mod kernels;
mod matrix;
mod modules;
mod monitor;
mod qemu;
mod run;
mod site;
mod suite;
mod table;
mod tool;
mod wire;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser as _;

use crate::cli::{Args, Command};
use crate::site::Site;

fn main() -> ExitCode {
    dispatch(Args::parse()).unwrap_or_else(|error| {
        eprintln!("stallvm: {error:#}");
        ExitCode::FAILURE
    })
}

fn dispatch(args: Args) -> Result<ExitCode> {
    let site = Site::here(args.build)?;
    match args.command {
        Command::List => {
            for kernel in kernels::KERNELS {
                let state =
                    site.cache.release(*kernel).unwrap_or_else(|| "not in the cache".into());
                println!(
                    "{:8} Debian {:9} {:24} {state}",
                    kernel.name, kernel.suite, kernel.package
                );
            }
        }
        Command::Fetch { kernels } => {
            site.emulator()?;
            for kernel in kernels::chosen(&kernels)? {
                let ready = site.cache.get(kernel)?;
                println!("{:8} {}", kernel.name, ready.release);
            }
        }
        Command::Shell { machine, with, kernel } => {
            return run::shell(&site, &kernel, &machine, &with);
        }
        Command::Matrix { machine, scenarios, methods, rows, no_table, kernels } => {
            let plan = matrix::Plan { machine, scenarios, methods, rows, no_table, kernels };
            return plan.run(&site);
        }
        Command::Run { machine, with, out, kernel, command } => {
            return run::command(&site, &kernel, &machine, &with, out.as_deref(), &command);
        }
    }
    Ok(ExitCode::SUCCESS)
}
