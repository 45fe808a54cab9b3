// Applies a folder with the real drizzle-orm: node migrate.mjs v0|v1 FOLDER URL SCHEMA TABLE
import pg from "pg";

const [line, migrationsFolder, connectionString, migrationsSchema, migrationsTable] = process.argv.slice(2);
const orm = line === "v1" ? "drizzle-orm-v1" : "drizzle-orm";
const { drizzle } = await import(`${orm}/node-postgres`);
const { migrate } = await import(`${orm}/node-postgres/migrator`);

const client = new pg.Client({ connectionString });
await client.connect();
try {
  const database = line === "v1" ? drizzle({ client }) : drizzle(client);
  await migrate(database, { migrationsFolder, migrationsSchema, migrationsTable });
} finally {
  await client.end();
}
