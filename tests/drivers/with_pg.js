// What node-postgres sees (pg, pg-cursor, pg-query-stream): each chore prints it, the same each time.
'use strict'
const { Client, Pool, types } = require('pg')
const Cursor = require('pg-cursor')
const QueryStream = require('pg-query-stream')

const BIG = 10_000_000
const tell = (...values) => console.log(...values.map((value) => (typeof value === 'string' ? value : text(value))))

function text(value) {
  return JSON.stringify(value, (_, v) => {
    if (v instanceof Date) return `date ${v.toISOString()}`
    if (v && v.type === 'Buffer') return `bytes ${v.data.length} ${Buffer.from(v.data.slice(0, 8)).toString('hex')}`
    if (typeof v === 'string' && v.length > 200) return `text of ${v.length}`
    return v === undefined ? null : v
  })
}

// Prints what `work` gives, or all of its error.
async function show(what, work) {
  try {
    const found = await work()
    for (const result of Array.isArray(found) && found[0]?.command !== undefined ? found : [found]) {
      tell(what, result?.rows ? [result.command, result.rowCount, result.fields.map((f) => f.name), result.rows] : result)
    }
  } catch (e) {
    if (e.code === undefined) return tell(what, e.name, e.message)
    tell(what, [e.code, e.severity, e.message, e.detail, e.hint, e.position, e.where, e.schema, e.table, e.column, e.constraint])
  }
}

async function connect(options = {}) {
  const c = new Client(options)
  c.on('notice', (m) => tell('notice', [m.severity, m.code, m.message, m.detail, m.hint]))
  c.on('error', (e) => tell('error', e.message))
  await c.connect()
  return c
}

const TYPES = `SELECT 1::int2, -2::int4, 3::int8, 1.5::float4, 'NaN'::float8 AS nan, 12345678901234567890.123456789::numeric, true, 'text'::text,
 '\\x00ff'::bytea, TIMESTAMPTZ '2024-02-29 12:34:56+02', INTERVAL '1 day 2 hours', '{"a": [1, null]}'::jsonb, '[1]'::json,
 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid, ARRAY[[1,2],[3,NULL]], ARRAY['a','"b"',NULL], NULL AS nothing, ''::text AS empty, point(1, 2)`

async function queries(c) {
  await show('text', () => c.query(TYPES))
  await show('binary', () => c.query({ text: "SELECT 1::int2, -2::int4, 3::int8, 1.5::float8, true, 'text'::text, '\\x00ff'::bytea, NULL", values: [], binary: true }))
  await show('as arrays', () => c.query({ text: 'SELECT 1, 1, 2', rowMode: 'array' }))
  const values = [null, true, 7, '8', 1.25, 'tëxt', Buffer.from([0, 255]), new Date(0), { a: [1] }, [1, null], ['a', null]]
  const kinds = ['text', 'bool', 'int', 'int8', 'float8', 'text', 'bytea', 'timestamptz', 'jsonb', 'int[]', 'text[]']
  await show('parameters', () => c.query('SELECT ' + kinds.map((kind, n) => `$${n + 1}::${kind} AS p${n}`).join(), values))
  await show('no rows', () => c.query('SELECT 1 WHERE false'))
  await show('no columns', () => c.query('SELECT'))
  await show('nothing', () => c.query(''))
  await show('nothing prepared', () => c.query({ text: '', values: [], queryMode: 'extended' }))
  await show('several', () => c.query('SELECT 1 AS a; CREATE TABLE several (n int); INSERT INTO several VALUES (1), (2); SELECT n FROM several; DROP TABLE several'))
  await show('an error among several', () => c.query('SELECT 1; SELECT 1 / 0; SELECT 2'))
  await show('several with parameters', () => c.query('SELECT $1::int; SELECT 2', [1]))
  for (let n = 0; n < 3; n++) await show('named', () => c.query({ name: 'By Hand', text: 'SELECT $1::int * 2 AS n', values: [n] }))
  await show('by SQL', () => c.query('EXECUTE "By Hand" (21)'))
  await show('another text', () => c.query({ name: 'By Hand', text: 'SELECT 3', values: [] }))
  await show('dropped by SQL', () => c.query('DEALLOCATE "By Hand"'))
  await show('gone', () => c.query({ name: 'By Hand', text: 'SELECT $1::int * 2 AS n', values: [1] }))
  const numbers = Array.from({ length: 65535 }, (_, n) => n)
  await show('65535 parameters', () => c.query(`SELECT sum(n) FROM unnest(ARRAY[${numbers.map((n) => `$${n + 1}`).join()}]::int[]) AS n`, numbers))
  await c.query('CREATE TABLE t (n int PRIMARY KEY, b bytea)')
  await show('queued', () => Promise.all([1, 2, 3].map((n) => c.query('INSERT INTO t (n) VALUES ($1) RETURNING n', [n])).concat(c.query('SELECT count(*) FROM t'))))
}

async function failures(c) {
  await c.query('CREATE TABLE parent (n int PRIMARY KEY, CHECK (n < 100)); CREATE TABLE child (n int NOT NULL REFERENCES parent)')
  await c.query('INSERT INTO parent VALUES (1)')
  for (const statement of ['INSERT INTO parent VALUES (1)', 'INSERT INTO parent VALUES (100)', 'INSERT INTO child VALUES (NULL)', 'INSERT INTO child VALUES (7)', 'SELECT nothing FROM parent', 'SELECT 1 FROM nowhere', 'SELECT nofunction(1)', 'SELECT 1 / 0']) {
    await show(statement, () => c.query(statement))
    await show(`${statement} prepared`, () => c.query({ name: statement, text: statement, values: [] }))
  }
  await show('a wrong parameter', () => c.query('SELECT $1::int', ['x']))
  await show('raised', () => c.query("DO $$ BEGIN RAISE EXCEPTION 'own' USING ERRCODE = 'ZZ001', DETAIL = 'd', HINT = 'h', COLUMN = 'c'; END $$"))
  await show('noticed', () => c.query("DO $$ BEGIN RAISE NOTICE 'n' USING DETAIL = 'd', HINT = 'h'; RAISE WARNING 'w'; END $$"))
}

async function transactions(c) {
  for (const statement of ['BEGIN', 'INSERT INTO t VALUES (10)', 'SAVEPOINT s', 'INSERT INTO t VALUES (10)', 'SELECT 1', 'ROLLBACK TO s', 'INSERT INTO t VALUES (11)', 'COMMIT', 'SELECT n FROM t ORDER BY n', 'BEGIN', 'SELECT 1 / 0', 'COMMIT', 'ROLLBACK']) {
    await show(statement, () => c.query({ text: statement, values: statement.length % 2 ? [] : undefined }))
  }
}

async function cursors(c) {
  const cursor = c.query(new Cursor('SELECT n FROM generate_series(1, $1::int) AS s (n)', [10]))
  await show('read', () => cursor.read(4))
  await show('read on', () => cursor.read(4))
  await show('the rest', () => cursor.read(4))
  await show('no more', () => cursor.read(4))
  await cursor.close()
  const left = c.query(new Cursor('SELECT generate_series(1, 1000000) AS n'))
  await show('left', () => left.read(2))
  await left.close()
  await show('usable', () => c.query('SELECT 1 AS n'))
  const wrong = c.query(new Cursor('SELECT 10 / (5 - n) AS n FROM generate_series(1, 9) AS s (n)'))
  await show('before the error', () => wrong.read(3))
  await show('the error', () => wrong.read(3))
  await show('usable', () => c.query('SELECT 1 AS n'))
  let sum = 0
  for await (const row of c.query(new QueryStream('SELECT n FROM generate_series(1, 5000) AS s (n)', [], { batchSize: 50 }))) sum += row.n
  tell('streamed', sum)
}

async function large(c) {
  const data = Buffer.alloc(BIG, 171)
  await show('in', () => c.query('INSERT INTO t VALUES (99, $1)', [data]))
  await show('out', async () => (await c.query('SELECT b FROM t WHERE n = 99')).rows[0].b.equals(data))
  await show('out binary', async () => (await c.query({ text: 'SELECT b FROM t WHERE n = $1', values: [99], binary: true })).rows[0].b.equals(data))
  await show('in the text', () => c.query(`SELECT length('${'y'.repeat(BIG)}')`))
  await show('many rows', async () => (await c.query("SELECT repeat('z', 1000) FROM generate_series(1, 10000)")).rows.length)
}

async function listening(c) {
  const heard = []
  const enough = new Promise((done) => c.on('notification', (m) => heard.push([m.processId === c.processID || 'another', m.channel, m.payload]) > 2 && done()))
  await c.query('LISTEN bell')
  await c.query("NOTIFY bell, 'own'")
  await c.query("SELECT pg_notify('bell', $1)", ['by a function'])
  const other = await connect()
  await other.query("NOTIFY bell, 'from another'")
  await enough
  tell('heard', [heard[0], heard[1], heard[2].slice(1)])
  await other.end()
  await c.query('UNLISTEN *')
}

async function cancelled(c) {
  await c.query('SET statement_timeout = 100')
  await show('timed out', () => c.query('SELECT pg_sleep(60)'))
  await show('timed out prepared', () => c.query('SELECT pg_sleep($1)', [60]))
  await c.query('RESET statement_timeout')
  const patient = await connect({ query_timeout: 200 })
  await show('timed out at the client', () => patient.query('SELECT pg_sleep(1)'))
  await show('usable', () => patient.query('SELECT 1 AS n'))
  await patient.end()
  const set = await connect({ statement_timeout: 100, application_name: 'own', options: '-c work_mem=1MB' })
  await show('set at the start', () => set.query('SELECT pg_sleep(60)'))
  await show('options', () => set.query('SHOW work_mem'))
  await set.end()
  // pg cancels by a connection of its own.
  const running = new (require('pg').Query)('SELECT pg_sleep(60)')
  const failed = new Promise((done) => running.on('error', done))
  c.query(running)
  const other = await connect()
  while ((await other.query("SELECT FROM pg_stat_activity WHERE pid = $1 AND state = 'active' AND query LIKE '%pg_sleep%'", [c.processID])).rowCount === 0);
  await other.end()
  new Client().cancel(c, running)
  await show('cancelled', async () => { throw await failed })
  await show('usable', () => c.query('SELECT 1 AS n'))
}

async function pools() {
  const pool = new Pool({ max: 3 })
  const found = await Promise.all(Array.from({ length: 60 }, (_, n) => pool.query('SELECT $1::int AS n', [n])))
  tell('pooled', found.reduce((sum, result) => sum + result.rows[0].n, 0))
  await pool.end()
}

async function chores() {
  const c = await connect()
  for (const chore of [queries, failures, transactions, cursors, large, listening, cancelled, pools]) {
    tell('==', chore.name)
    await chore(c)
  }
  await c.end()
  await show('wrong database', () => connect({ database: 'nowhere' }))
}

async function refusals() {
  const c = await connect()
  await c.query('CREATE TABLE t (n int)')
  const prepared = (text, values = [1]) => () => c.query({ name: text, text, values })
  await show('at once', () => c.query('DELETE FROM t'))
  await show('with parameters', () => c.query('DELETE FROM t WHERE n = $1', [1]))
  await show('prepared', prepared('DELETE FROM t WHERE n = $1'))
  await show('again', prepared('DELETE FROM t WHERE n = $1'))
  await show('of several', () => c.query('INSERT INTO t VALUES (1); DELETE FROM t'))
  await show('goes on', prepared('SELECT count(*) FROM t WHERE n = $1'))
  await show('queued', () => Promise.allSettled([c.query('INSERT INTO t VALUES (1)'), c.query('DELETE FROM t'), c.query('SELECT n FROM t')]).then((all) => all.map((one) => one.reason?.code ?? one.value.rowCount)))
  for (const statement of ['BEGIN', 'DELETE FROM t', 'SELECT 1', 'COMMIT', 'BEGIN', 'SAVEPOINT s', 'DELETE FROM t', 'ROLLBACK TO s', 'INSERT INTO t VALUES (2)', 'COMMIT', 'SELECT n FROM t ORDER BY n']) {
    await show(statement, () => c.query(statement))
  }
  const cursor = c.query(new Cursor('SELECT * FROM secret'))
  await show('a cursor', () => cursor.read(1))
  await show('streamed', async () => { for await (const row of c.query(new QueryStream('SELECT * FROM secret'))) tell(row) })
  await show('usable', prepared('SELECT count(*) FROM t WHERE n = $1'))
  await c.end()
}

async function modes() {
  for (const mode of ['disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify']) {
    try {
      const c = await connect({ connectionString: `postgres://?host=${process.env.PGHOST}&sslmode=${mode}` })
      tell(mode, (await c.query("SELECT 'connected' AS now")).rows[0].now, c.connection.stream.encrypted ? 'with TLS' : 'without TLS')
      await c.end()
    } catch (e) {
      tell(mode, e.message)
    }
  }
}

types.setTypeParser(types.builtins.INTERVAL, (value) => value)
void { chores, refusals, modes }[process.argv[2]]()
