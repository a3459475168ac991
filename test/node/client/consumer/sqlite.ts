import { once } from 'oncegate/client';
import { SqliteStore, type SqliteStoreOptions } from 'oncegate/client/sqlite';

const options: SqliteStoreOptions = { ttlMs: 60_000 };
using store = new SqliteStore('results.db', options);
const { value, replayed } = await once(store, 'a', () => 42);
console.log(value.toFixed(), replayed);
