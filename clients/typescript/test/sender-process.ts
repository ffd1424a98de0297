/** A sender as a process of its own: `node sender-process.js FILE BASE_URL TOKEN`. */

import Sqlite from "libsql";

import { sqliteDatabase, startOutboxSender } from "../src/index.js";

const [file = "", baseUrl = "", token = ""] = process.argv.slice(2);
startOutboxSender({ database: sqliteDatabase(new Sqlite(file, { timeout: 5000 })), baseUrl, token, leaseSeconds: 2 });
