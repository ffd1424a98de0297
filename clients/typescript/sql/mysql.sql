CREATE TABLE integration_outbox (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    owner VARCHAR(110) NOT NULL,
    event VARCHAR(100) NOT NULL,
    data MEDIUMTEXT NOT NULL,
    occurred_at VARCHAR(30) NOT NULL,
    batch VARCHAR(36),
    problem TEXT
) CHARACTER SET utf8mb4;
CREATE INDEX integration_outbox_batch ON integration_outbox (batch);
CREATE TABLE integration_outbox_lease (id INTEGER PRIMARY KEY, holder VARCHAR(36) NOT NULL, expires_at BIGINT NOT NULL);
