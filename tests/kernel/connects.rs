//! Many connects at once, and how long each of them took.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::snat::meet;
use crate::world::enter;

/// A connect that was answered, or was not in time.
#[derive(Clone, Debug)]
pub struct Connect {
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub took: Duration,
}

/// As the kernel takes addresses.
struct Address(libc::sockaddr_storage, libc::socklen_t);

impl Address {
    fn of(at: SocketAddr) -> Address {
        // SAFETY: all zeros are an address of no family.
        let mut storage: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
        let place = &raw mut storage;
        let size = match at {
            SocketAddr::V4(v4) => {
                let address = libc::sockaddr_in {
                    sin_family: libc::AF_INET as u16,
                    sin_port: v4.port().to_be(),
                    sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(v4.ip().octets()) },
                    sin_zero: [0; 8],
                };
                // SAFETY: there is room for an address of any family.
                unsafe { place.cast::<libc::sockaddr_in>().write(address) };
                size_of::<libc::sockaddr_in>()
            }
            SocketAddr::V6(v6) => {
                let address = libc::sockaddr_in6 {
                    sin6_family: libc::AF_INET6 as u16,
                    sin6_port: v6.port().to_be(),
                    sin6_flowinfo: 0,
                    sin6_addr: libc::in6_addr { s6_addr: v6.ip().octets() },
                    sin6_scope_id: 0,
                };
                // SAFETY: as above.
                unsafe { place.cast::<libc::sockaddr_in6>().write(address) };
                size_of::<libc::sockaddr_in6>()
            }
        };
        Address(storage, size as libc::socklen_t)
    }

    fn as_ptr(&self) -> *const libc::sockaddr {
        (&raw const self.0).cast()
    }
}

fn checked(returned: libc::c_int) -> io::Result<libc::c_int> {
    if returned < 0 { Err(io::Error::last_os_error()) } else { Ok(returned) }
}

/// A socket bound to `from` that does not block. Another may be bound there too, if it goes on to
/// another place.
fn bound(from: SocketAddr) -> OwnedFd {
    let (at, on) = (Address::of(from), 1 as libc::c_int);
    let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: the descriptor is new and owned by nobody else; the calls read an option and an
    // address of these sizes.
    unsafe {
        let fd = checked(libc::socket(i32::from(at.0.ss_family), kind, 0)).unwrap();
        let fd = OwnedFd::from_raw_fd(fd);
        let size = size_of_val(&on) as libc::socklen_t;
        let (level, shared) = (libc::SOL_SOCKET, libc::SO_REUSEPORT);
        let on = (&raw const on).cast();
        checked(libc::setsockopt(fd.as_raw_fd(), level, shared, on, size)).unwrap();
        checked(libc::bind(fd.as_raw_fd(), at.as_ptr(), at.1)).unwrap();
        fd
    }
}

/// Two senders connect from the same port at the same time, once for each of `ports`, each to a
/// place of its own; how long each took.
pub fn race(
    client: &str,
    ways: [(IpAddr, SocketAddr); 2],
    ports: std::ops::Range<u16>,
) -> Vec<Connect> {
    let (ready, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    // SAFETY: takes no pointers.
    let epoll = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
    // SAFETY: new, and owned by nobody else.
    let epoll = unsafe { OwnedFd::from_raw_fd(checked(epoll).unwrap()) };
    let all = 2 * ports.len();
    thread::scope(|scope| {
        let senders = ways.map(|(host, to)| {
            let (ready, done, epoll, ports) = (&ready, &done, epoll.as_raw_fd(), ports.clone());
            scope.spawn(move || {
                enter(client);
                let begun = ports.enumerate().map(|(round, port)| {
                    let from = SocketAddr::new(host, port);
                    let (fd, at) = (bound(from), Address::of(to));
                    meet(ready, 2 * (round + 1));
                    let began = Instant::now();
                    // SAFETY: reads an address of this size; a socket that does not block is not
                    // connected at once.
                    unsafe { libc::connect(fd.as_raw_fd(), at.as_ptr(), at.1) };
                    watch(epoll, fd.as_raw_fd());
                    meet(done, 2 * (round + 1));
                    (fd, from, to, began)
                });
                begun.collect::<Vec<_>>()
            })
        });
        let ends = scope.spawn(|| ends(epoll.as_raw_fd(), all, &done));
        let begun = senders.map(|sender| sender.join().unwrap());
        let ends = ends.join().unwrap();
        let took = begun.iter().flatten().map(|(fd, from, to, began)| {
            let end = ends.get(&fd.as_raw_fd()).copied().unwrap_or_else(Instant::now);
            Connect { from: *from, to: *to, took: end - *began }
        });
        took.collect()
    })
}

fn watch(epoll: RawFd, fd: RawFd) {
    let events = (libc::EPOLLOUT | libc::EPOLLONESHOT) as u32;
    let mut event = libc::epoll_event { events, u64: fd as u64 };
    // SAFETY: reads the event.
    checked(unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, fd, &raw mut event) }).unwrap();
}

/// When each was answered; ends 4 s after the last was begun.
fn ends(epoll: RawFd, all: usize, begun: &AtomicUsize) -> HashMap<RawFd, Instant> {
    let mut ends = HashMap::new();
    let mut last = None;
    while ends.len() < all {
        if begun.load(Ordering::SeqCst) == all {
            let since: &mut Instant = last.get_or_insert_with(Instant::now);
            if since.elapsed() > Duration::from_secs(4) {
                break;
            }
        }
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; 64];
        // SAFETY: writes at most as many events as there is room for.
        let n = unsafe { libc::epoll_wait(epoll, events.as_mut_ptr(), 64, 20) };
        let now = Instant::now();
        for event in &events[..usize::try_from(n).unwrap_or(0)] {
            ends.insert(event.u64 as RawFd, now);
        }
    }
    ends
}

/// Accepts connections and closes them, with room for all that wait.
pub struct Listener;

impl Listener {
    /// Listens on `at` in a namespace for as long as the test program runs.
    pub fn start(netns: &str, at: SocketAddr) {
        let (netns, (send, ready)) = (netns.to_owned(), std::sync::mpsc::channel());
        thread::spawn(move || {
            enter(&netns);
            let listener = std::net::TcpListener::bind(at).unwrap();
            // SAFETY: takes no pointers. The library's own backlog of 128 is soon full.
            checked(unsafe { libc::listen(listener.as_raw_fd(), 4096) }).unwrap();
            send.send(()).unwrap();
            for connection in listener.incoming() {
                drop(connection);
            }
        });
        ready.recv().unwrap();
    }
}
