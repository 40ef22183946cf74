#!/usr/bin/env python3
"""libtorrent_root.py FILE... - the BitTorrent v2 root of each file in hex, by libtorrent: a second opinion on our trees.

Exits with 77 when python3-libtorrent is missing."""
import os
import sys

try:
    import libtorrent
except ImportError:
    sys.exit(77)

for path in sys.argv[1:]:
    storage = libtorrent.file_storage()
    libtorrent.add_files(storage, path)
    torrent = libtorrent.create_torrent(storage, 0, flags=libtorrent.create_torrent.v2_only)
    libtorrent.set_piece_hashes(torrent, os.path.dirname(path))
    info = torrent.generate()[b"info"]
    leaf = info[b"file tree"][os.path.basename(path).encode()][b""]
    print(leaf[b"pieces root"].hex())
