// An auth state of rows, as a server with a "BaileysAuth" table keeps it: one JSON file
// with an array of {organizationId, phoneJid, key, value, createdAt, updatedAt}.

import { readFile, rename, writeFile } from "node:fs/promises";

import { BufferJSON, initAuthCreds, proto } from "baileys";

export async function useRowState({ path, organization, jid }) {
  const rows = await read(path);
  let isWriting = null;
  let isDirty = false;

  const write = async () => {
    while (isDirty) {
      isDirty = false;
      await writeFile(`${path}.new`, JSON.stringify([...rows.values()]), { mode: 0o600 });
      await rename(`${path}.new`, path);
    }
    isWriting = null;
  };
  const flush = () => {
    isDirty = true;
    return (isWriting ??= write());
  };
  const put = (key, value) => {
    if (value === null || value === undefined) return void rows.delete(key);
    const now = new Date().toISOString();
    rows.set(key, {
      organizationId: organization,
      phoneJid: jid,
      key,
      value: JSON.stringify(value, BufferJSON.replacer),
      createdAt: rows.get(key)?.createdAt ?? now,
      updatedAt: now,
    });
  };
  const get = (key) => {
    const row = rows.get(key);
    if (!row) return null;
    const value = row.value;
    return JSON.parse(
      typeof value === "string" ? value : JSON.stringify(value),
      BufferJSON.reviver,
    );
  };

  const creds = get("creds") ?? initAuthCreds();
  return {
    state: {
      creds,
      keys: {
        get: async (type, ids) =>
          Object.fromEntries(
            ids.map((id) => {
              const value = get(`${type}-${id}`);
              if (value && type === "app-state-sync-key") {
                return [id, proto.Message.AppStateSyncKeyData.fromObject(value)];
              }
              return [id, value];
            }),
          ),
        set: async (changes) => {
          for (const [type, values] of Object.entries(changes)) {
            for (const [id, value] of Object.entries(values)) put(`${type}-${id}`, value);
          }
          await flush();
        },
      },
    },
    saveCreds: async () => {
      put("creds", creds);
      await flush();
    },
    close: flush,
  };
}

async function read(path) {
  try {
    const rows = JSON.parse(await readFile(path, "utf-8"));
    return new Map(rows.map((row) => [row.key, row]));
  } catch (error) {
    if (error.code === "ENOENT") return new Map();
    throw error;
  }
}
