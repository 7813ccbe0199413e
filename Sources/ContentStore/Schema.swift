// Owns the tables of the index and their versions. Opening the index is Index.swift's.

import Canonical
import Foundation
import GRDB

/// The steps that lead an index from one version to the next.
enum Schema {
  /// Each entry leads from the version before (its position) to the next. Published entries never change.
  static let steps: [@Sendable (Database) throws -> Void] = [
    { try $0.execute(sql: first) },
    {
      try $0.execute(sql: second)
      try Store.sealOutputs($0)
    },
    { try $0.execute(sql: third) },
    { try $0.execute(sql: sealing) },
    { try $0.execute(sql: keeping) },
    { try $0.execute(sql: acceptances) },
    { try $0.execute(sql: tracing) },
    { try $0.execute(sql: trusting) },
  ]

  /// The version of an index that this program writes.
  static var version: Int { steps.count }

  private static let first = """
    -- What a driver asks of 100,000 keys at once is kept apart from the long texts.
    CREATE TABLE outputs (key BLOB PRIMARY KEY, artifacts BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE records (key BLOB PRIMARY KEY, text TEXT NOT NULL, time INTEGER NOT NULL);
    CREATE TABLE blobs (
      digest BLOB PRIMARY KEY, size INTEGER NOT NULL, codec TEXT NOT NULL,
      stored BLOB NOT NULL, storedSize INTEGER NOT NULL, place INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE inlineBlobs (digest BLOB PRIMARY KEY, bytes BLOB NOT NULL);
    CREATE TABLE files (id INTEGER PRIMARY KEY, project TEXT NOT NULL, file TEXT NOT NULL, UNIQUE (project, file));
    CREATE TABLE history (
      file INTEGER NOT NULL REFERENCES files, instance TEXT NOT NULL, key BLOB NOT NULL, time INTEGER NOT NULL,
      PRIMARY KEY (file, instance, key)) WITHOUT ROWID;
    CREATE TABLE externalFiles (
      path TEXT PRIMARY KEY, size INTEGER NOT NULL, modified INTEGER NOT NULL, changed INTEGER NOT NULL,
      inode INTEGER NOT NULL, device INTEGER NOT NULL, digest BLOB NOT NULL) WITHOUT ROWID;
    """

  private static let second = """
    -- A content may be known in several stored forms: another version of a codec gives other bytes.
    ALTER TABLE blobs RENAME TO blobsOfOneForm;
    CREATE TABLE blobs (
      digest BLOB NOT NULL, stored BLOB NOT NULL, size INTEGER NOT NULL, codec TEXT NOT NULL,
      storedSize INTEGER NOT NULL, place INTEGER NOT NULL, class INTEGER NOT NULL DEFAULT 0,
      PRIMARY KEY (digest, stored)) WITHOUT ROWID;
    INSERT INTO blobs (digest, stored, size, codec, storedSize, place)
      SELECT digest, stored, size, codec, storedSize, place FROM blobsOfOneForm;
    DROP TABLE blobsOfOneForm;
    -- 0 is kept as long as anything else is, 1 goes first when room is wanted.
    ALTER TABLE records ADD COLUMN class INTEGER NOT NULL DEFAULT 0;
    -- A checksum over key and artifacts, so that a row under another's key is noticed.
    ALTER TABLE outputs ADD COLUMN seal INTEGER NOT NULL DEFAULT 0;
    -- What computed it, as `Record.platformNumber` says; 0 where the record doesn't.
    ALTER TABLE outputs ADD COLUMN platform INTEGER NOT NULL DEFAULT 0;

    -- What manifests list. One that lists nothing has one row without a name.
    CREATE TABLE members (
      manifest BLOB NOT NULL, name TEXT NOT NULL, form INTEGER NOT NULL, digest BLOB NOT NULL,
      size INTEGER NOT NULL, PRIMARY KEY (manifest, name)) WITHOUT ROWID;

    -- Times are milliseconds since 1970. A run without an end was killed, or goes on: `running/<id>` is locked then.
    CREATE TABLE runs (
      id INTEGER PRIMARY KEY AUTOINCREMENT, file INTEGER NOT NULL REFERENCES files, start INTEGER NOT NULL,
      end INTEGER, command TEXT NOT NULL, process TEXT NOT NULL, outcome TEXT);
    CREATE INDEX runsOfFiles ON runs (file, id);
    -- The instances of a file by a number of their own (files.instances counts them), with the key of their newest
    -- result and what the newest run that had news of them said.
    ALTER TABLE files ADD COLUMN instances INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE instances (
      file INTEGER NOT NULL REFERENCES files, name TEXT NOT NULL, id INTEGER NOT NULL, key BLOB,
      state INTEGER NOT NULL, run INTEGER NOT NULL, PRIMARY KEY (file, name)) WITHOUT ROWID;
    -- What a run had to say of its instances that was not known before.
    CREATE TABLE news (
      run INTEGER NOT NULL REFERENCES runs, instance INTEGER NOT NULL, state INTEGER NOT NULL, key BLOB,
      message TEXT, PRIMARY KEY (run, instance)) WITHOUT ROWID;
    INSERT INTO instances (file, name, id, key, state, run)
      SELECT file, instance, row_number() OVER (PARTITION BY file ORDER BY instance), key, 0, 0
      FROM (SELECT file, instance, key, max(time) FROM history GROUP BY file, instance);
    UPDATE files SET instances = (SELECT count(*) FROM instances WHERE file = files.id);
    DROP TABLE history;

    -- The runs whose results a collection of garbage keeps, by project and file.
    CREATE TABLE roots (
      file INTEGER NOT NULL REFERENCES files, run INTEGER NOT NULL REFERENCES runs,
      PRIMARY KEY (file, run)) WITHOUT ROWID;
    CREATE TABLE pins (key BLOB PRIMARY KEY, time INTEGER NOT NULL, note TEXT NOT NULL) WITHOUT ROWID;
    -- Who computes a key now. A lease holds while its run's file under `running/` is locked; `fence` only grows.
    CREATE TABLE leases (
      key BLOB PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs, fence INTEGER NOT NULL,
      time INTEGER NOT NULL) WITHOUT ROWID;
    -- What instances printed that came to no record; those of results are blobs of their records.
    CREATE TABLE logs (
      key BLOB PRIMARY KEY, time INTEGER NOT NULL, codec TEXT NOT NULL, size INTEGER NOT NULL,
      bytes BLOB NOT NULL) WITHOUT ROWID;
    -- The remotes that were met, by what they said of themselves.
    CREATE TABLE remotes (place TEXT PRIMARY KEY, identity TEXT NOT NULL, time INTEGER NOT NULL) WITHOUT ROWID;
    """

  private static let third = """
    -- States of work under way, by the key of the action's prefix; texts as those of records. They may be deleted at any
    -- time. Their blobs have class 1 unless a record lists them too.
    CREATE TABLE states (key BLOB PRIMARY KEY, text BLOB NOT NULL, time INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE stateBlobs (digest BLOB NOT NULL, key BLOB NOT NULL, PRIMARY KEY (digest, key)) WITHOUT ROWID;
    CREATE INDEX blobsOfStates ON stateBlobs (key);
    """

  private static let sealing = """
    -- What stands for all that is noted of a file's instances, as long as nothing else is noted.
    ALTER TABLE files ADD COLUMN seal BLOB;
    CREATE TRIGGER noted AFTER INSERT ON instances WHEN (SELECT seal FROM files WHERE id = NEW.file) IS NOT NULL
      BEGIN UPDATE files SET seal = NULL WHERE id = NEW.file; END;
    CREATE TRIGGER notedAgain AFTER UPDATE ON instances WHEN (SELECT seal FROM files WHERE id = NEW.file) IS NOT NULL
      BEGIN UPDATE files SET seal = NULL WHERE id = NEW.file; END;
    CREATE TRIGGER forgotten AFTER DELETE ON instances WHEN (SELECT seal FROM files WHERE id = OLD.file) IS NOT NULL
      BEGIN UPDATE files SET seal = NULL WHERE id = OLD.file; END;
    """

  private static let keeping = """
    -- The first run of the whole file that didn't have the instance any more; 0 while it is there.
    ALTER TABLE instances ADD COLUMN gone INTEGER NOT NULL DEFAULT 0;
    -- What is kept with a pinned result: the keys of all that it was made from, and its own.
    CREATE TABLE pinned (pin BLOB NOT NULL, key BLOB NOT NULL, PRIMARY KEY (pin, key)) WITHOUT ROWID;
    -- Texts that others are kept by their difference to: those of one kind are much alike.
    CREATE TABLE bases (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, text BLOB NOT NULL);
    CREATE INDEX basesOfKinds ON bases (kind, id);
    ALTER TABLE records ADD COLUMN base INTEGER NOT NULL DEFAULT 0;
    -- What the last runs came to stands in `instances`.
    DROP TABLE roots;
    """

  private static let acceptances = """
    -- The results that were taken over from other code: the key that each was recorded under before. Records say more.
    CREATE TABLE accepted (key BLOB PRIMARY KEY, source BLOB NOT NULL) WITHOUT ROWID;
    """

  private static let tracing = """
    -- What commands with certain actions opened without declaring it, each set once, as the engine spells it. Without it
    -- such a command runs again; nothing else is lost.
    CREATE TABLE traces (
      action BLOB NOT NULL, trace TEXT NOT NULL, time INTEGER NOT NULL,
      PRIMARY KEY (action, trace)) WITHOUT ROWID;
    """

  private static let trusting = """
    -- Whence records came: from a remote, with the trusted key that was found to have signed each, empty for none; or
    -- from here, with a zero byte. And the lines with the signatures that others gave. Without a row: from here.
    CREATE TABLE origins (key BLOB PRIMARY KEY, signer BLOB NOT NULL, signatures TEXT NOT NULL) WITHOUT ROWID;
    CREATE INDEX originsBySigner ON origins (signer, key);
    """
}
