// What people write with amqplib and pg: a transaction for each message and a publish with confirm. No inbox, no outbox.

import { randomUUID } from "node:crypto";
import amqp from "amqplib";
import pg from "pg";

const concurrency = Number(process.argv[2]);
const { CRUDMQ_BROKER_URL, CRUDMQ_DATABASE_URL, CRUDMQ_PREFIX } = process.env;
const pool = new pg.Pool({ connectionString: CRUDMQ_DATABASE_URL.replace("+asyncpg", ""), max: concurrency });
const connection = await amqp.connect(CRUDMQ_BROKER_URL);
const consuming = await connection.createChannel();
const publishing = await connection.createConfirmChannel();
const JSON_TYPE = { contentType: "application/json", persistent: true };

const SQL = {
  create: { name: "create", text: "INSERT INTO people (name, age, version) VALUES ($1, $2, 1) RETURNING *" },
  get: { name: "get", text: "SELECT * FROM people WHERE id = $1" },
  lock: { name: "lock", text: "SELECT * FROM people WHERE id = $1 FOR UPDATE" },
  update: { name: "update", text: "UPDATE people SET age = $2, version = version + 1 WHERE id = $1 RETURNING *" },
  delete: { name: "delete", text: "DELETE FROM people WHERE id = $1 RETURNING *" },
};

const one = async (client, statement, values) => {
  const { rows } = await client.query({ ...statement, values });
  if (rows.length !== 1) throw new Error(`${statement.name} ${values} found ${rows.length} rows`);
  return rows[0];
};

const handlers = {
  "people.create": async (client, { data }) => ({ after: await one(client, SQL.create, [text(data.name), integer(data.age)]) }),
  "people.update": async (client, { key, data }) => ({
    before: await one(client, SQL.lock, [integer(key)]),
    after: await one(client, SQL.update, [key, integer(data.age)]),
  }),
  "people.delete": async (client, { key }) => ({ before: await one(client, SQL.delete, [integer(key)]) }),
};

function text(value) {
  if (typeof value !== "string") throw new TypeError("not a text");
  return value;
}

function integer(value) {
  if (!Number.isInteger(value)) throw new TypeError("not an integer");
  return value;
}

async function inTransaction(work) {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    const found = await work(client);
    await client.query("COMMIT");
    return found;
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
}

const publish = (exchange, routingKey, body, options) =>
  new Promise((resolve, reject) => {
    const content = Buffer.from(JSON.stringify(body));
    publishing.publish(exchange, routingKey, content, { ...JSON_TYPE, ...options }, (error) => (error ? reject(error) : resolve()));
  });

async function handle(message) {
  const { routingKey } = message.fields;
  const { replyTo, correlationId } = message.properties;
  const command = JSON.parse(message.content.toString());
  if (routingKey === "people.get") {
    await publish("", replyTo, await one(pool, SQL.get, [integer(command.key)]), { correlationId });
  } else {
    const change = await inTransaction((client) => handlers[routingKey](client, command));
    const id = randomUUID();
    const type = `${routingKey}d`;
    await publish(`${CRUDMQ_PREFIX}.events`, type, { id, type, ...change }, { messageId: id, correlationId });
  }
  consuming.ack(message);
}

async function stop() {
  await consuming.close(); // after the acknowledgements that were written before
  await connection.close();
  await pool.end();
}

process.once("SIGTERM", stop);
await consuming.prefetch(concurrency);
await consuming.consume(`${CRUDMQ_PREFIX}.commands`, handle); // a rejection ends the process: nothing is lost
console.error("consuming");
