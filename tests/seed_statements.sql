-- Проверить состояние auth данных
SELECT "organizationId", "phoneJid", "key", 
       LENGTH("value") as value_length,
       "createdAt", "updatedAt"
FROM "BaileysAuth"
ORDER BY "updatedAt" DESC
LIMIT 20;

-- Состояние всех номеров в организации
SELECT 
    id,
    "phoneNumber",
    "phoneJid",
    status,
    "lastConnectedAt",
    "qrCode" IS NOT NULL as has_qr,
    "createdAt"
FROM "OrganizationPhone"
ORDER BY "lastConnectedAt" DESC;

TRUNCATE TABLE "BaileysAuth";
