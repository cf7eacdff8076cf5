// What pgjdbc sees: each chore prints it, the same each time. Run as `java -cp DRIVER WithJdbc.java CHORE`.

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.sql.*;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.postgresql.PGConnection;
import org.postgresql.PGStatement;
import org.postgresql.copy.CopyManager;
import org.postgresql.largeobject.LargeObject;
import org.postgresql.largeobject.LargeObjectManager;
import org.postgresql.util.PGobject;
import org.postgresql.util.PSQLException;

class WithJdbc {
    static final int BIG = 10_000_000;

    interface Work {
        Object done() throws Exception;
    }

    static void tell(Object... values) {
        System.out.println(Arrays.stream(values).map(WithJdbc::text).collect(Collectors.joining(" ")));
    }

    static String text(Object value) {
        try {
            if (value instanceof byte[] bytes) return bytes.length + " bytes " + Arrays.hashCode(bytes);
            if (value instanceof java.sql.Array array) return text(array.getArray());
            if (value instanceof int[] numbers) return numbers.length > 20 ? numbers.length + " numbers" : Arrays.toString(numbers);
            if (value instanceof Object[] values) return Arrays.deepToString(values);
            String text = String.valueOf(value);
            return text.length() > 500 ? "text of " + text.length() : text;
        } catch (SQLException error) {
            return error.toString();
        }
    }

    /** Prints what `work` gives, or all of its error. */
    static void show(String what, Work work) {
        try {
            tell(what, work.done());
        } catch (SQLException error) {
            for (SQLException next = error; next != null; next = next.getNextException()) {
                tell(what, next.getClass().getSimpleName(), next.getSQLState(), told(next));
                if (next instanceof BatchUpdateException batch) tell(what, batch.getUpdateCounts());
            }
        } catch (Exception error) {
            tell(what, error.getClass().getSimpleName(), error.getMessage());
        }
    }

    static String told(SQLException error) {
        if (!(error instanceof PSQLException own) || own.getServerErrorMessage() == null) return error.getMessage().replace('\n', '|');
        var m = own.getServerErrorMessage();
        return Arrays.asList(m.getSeverity(), m.getMessage(), m.getDetail(), m.getHint(), m.getPosition(), m.getWhere(), m.getSchema(),
            m.getTable(), m.getColumn(), m.getConstraint()).toString();
    }

    static Connection connect(String... options) throws SQLException {
        var properties = new Properties();
        properties.setProperty("user", System.getenv("PGUSER"));
        properties.setProperty("password", System.getenv("PGPASSWORD"));
        properties.setProperty("sslmode", System.getenv("PGSSLMODE"));
        if (System.getenv("PGSSLROOTCERT") != null) properties.setProperty("sslrootcert", System.getenv("PGSSLROOTCERT"));
        for (int n = 0; n < options.length; n += 2) properties.setProperty(options[n], options[n + 1]);
        String place = System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE");
        return DriverManager.getConnection("jdbc:postgresql://" + place, properties);
    }

    static String rows(ResultSet found) throws SQLException {
        var columns = found.getMetaData();
        var all = new StringBuilder();
        while (found.next()) {
            for (int n = 1; n <= columns.getColumnCount(); n++) {
                all.append(columns.getColumnTypeName(n)).append('=').append(text(found.getObject(n))).append(' ');
            }
            all.append("| ");
        }
        return all.toString();
    }

    static String query(Connection c, String sql, Object... values) throws SQLException {
        try (var statement = c.prepareStatement(sql)) {
            for (int n = 0; n < values.length; n++) statement.setObject(n + 1, values[n]);
            var results = new StringBuilder();
            boolean rows = statement.execute();
            while (true) {
                results.append(rows ? rows(statement.getResultSet()) : statement.getUpdateCount() + " ");
                rows = statement.getMoreResults();
                if (!rows && statement.getUpdateCount() < 0) break;
            }
            for (var warning = statement.getWarnings(); warning != null; warning = warning.getNextWarning()) {
                results.append(warning.getSQLState()).append(' ').append(told(warning));
            }
            return results.toString();
        }
    }

    static void types(Connection c) throws SQLException {
        query(c, "CREATE TYPE pair AS (n int, t text)");
        String all = "SELECT 1::int2, -2::int4, 3::int8, 1.5::float4, 'NaN'::float8, 12345678901234567890.123456789::numeric, true, 'text'::text,"
            + " '\\x00ff'::bytea, DATE '2024-02-29', TIMESTAMP '2024-02-29 12:34:56.789012', INTERVAL '1 day 2 hours', '{\"a\": [1, null]}'::jsonb,"
            + " 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid, ARRAY[[1,2],[3,NULL]], ARRAY['a','\"b\"',NULL], int4range(1, 5), (1, 'x')::pair, NULL, ''::text, point(1, 2)";
        // From the fifth use on the statement has a name, and its results are binary.
        for (int n = 0; n < 7; n++) show("types", () -> query(c, all));
        var json = new PGobject();
        json.setType("jsonb");
        json.setValue("{\"a\": 1}");
        var numbers = c.createArrayOf("int4", new Object[] {1, null, 3});
        for (int n = 0; n < 7; n++) {
            show("parameters", () -> query(c, "SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?::text", true, 7, 8L, 1.25, new BigDecimal("1e-20"), "tëxt",
                new byte[] {0, -1}, LocalDate.of(2024, 2, 29), UUID.fromString("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), json, null));
            show("an array", () -> query(c, "SELECT ?", numbers));
            show("a time", () -> query(c, "SELECT extract(epoch FROM ?::timestamptz)", OffsetDateTime.parse("2024-02-29T12:34:56+02:00")));
        }
        show("no rows", () -> query(c, "SELECT 1 WHERE false"));
        show("nothing", () -> query(c, ""));
        show("a comment", () -> query(c, "-- nothing"));
        show("several", () -> query(c, "SELECT 1; CREATE TABLE several (n int); INSERT INTO several VALUES (1), (2); SELECT n FROM several; DROP TABLE several"));
        show("several with parameters", () -> query(c, "SELECT ?::int; SELECT ?::int + 1", 1, 2));
        show("an error among several", () -> query(c, "SELECT 1; SELECT 1 / 0; SELECT 2"));
        String marks = IntStream.range(0, 32767).mapToObj(n -> "?").collect(Collectors.joining(","));
        show("32767 parameters", () -> query(c, "SELECT sum(n) FROM unnest(ARRAY[" + marks + "]::int[]) AS n", IntStream.range(0, 32767).boxed().toArray()));
        show("described", () -> {
            try (var statement = c.prepareStatement("SELECT ?::int AS n, ?::text")) {
                return statement.getMetaData().getColumnName(1) + " " + statement.getParameterMetaData().getParameterTypeName(2);
            }
        });
        show("called", () -> {
            try (var call = c.prepareCall("{ ? = call upper(?) }")) {
                call.registerOutParameter(1, Types.VARCHAR);
                call.setString(2, "quiet");
                call.execute();
                return call.getString(1);
            }
        });
        show("the catalog", () -> rows(c.getMetaData().getColumns(null, "public", "secret", null)).contains("secret"));
    }

    static void prepared(Connection c) throws SQLException {
        query(c, "CREATE TABLE t (n int PRIMARY KEY, b bytea, s text)");
        try (var statement = c.prepareStatement("SELECT ?::int * 2")) {
            statement.unwrap(PGStatement.class).setPrepareThreshold(2);
            for (int n = 0; n < 5; n++) {
                statement.setInt(1, n);
                tell("on the server", statement.unwrap(PGStatement.class).isUseServerPrepare(), rows(statement.executeQuery()));
            }
            show("all dropped", () -> query(c, "DEALLOCATE ALL"));
            show("after that", () -> rows(statement.executeQuery()));
        }
        for (int n = 0; n < 300; n++) query(c, "SELECT " + n + " + ?::int", n);
        c.setAutoCommit(false);
        try (var statement = c.prepareStatement("SELECT * FROM t WHERE n > ?")) {
            statement.unwrap(PGStatement.class).setPrepareThreshold(1);
            statement.setInt(1, 0);
            show("before", () -> rows(statement.executeQuery()));
            query(c, "ALTER TABLE t ADD x int");
            c.commit();
            show("changed under a plan", () -> rows(statement.executeQuery()));
            c.rollback();
            show("anew", () -> rows(statement.executeQuery()));
        }
        c.setAutoCommit(true);
        try (var simple = connect("preferQueryMode", "simple")) {
            show("simple", () -> query(simple, "SELECT ?::int, ?", 1, "it's"));
        }
        try (var forQuery = connect("preferQueryMode", "extendedForPrepared"); var statement = forQuery.createStatement()) {
            show("extended for prepared", () -> rows(statement.executeQuery("SELECT 1")) + query(forQuery, "SELECT ?", 2));
        }
        try (var cached = connect("preferQueryMode", "extendedCacheEverything"); var statement = cached.createStatement()) {
            for (int n = 0; n < 7; n++) show("everything cached", () -> rows(statement.executeQuery("SELECT 1")));
        }
    }

    static void batches(Connection c) throws SQLException {
        for (String rewrite : List.of("false", "true")) {
            try (var own = connect("reWriteBatchedInserts", rewrite); var insert = own.prepareStatement("INSERT INTO t (n, s) VALUES (?, ?)")) {
                own.setAutoCommit(false);
                for (int n = 0; n < 200; n++) {
                    insert.setInt(1, n);
                    insert.setString(2, "x".repeat(n));
                    insert.addBatch();
                }
                show("a batch", insert::executeBatch);
                for (int n : new int[] {2000, 5, 2001}) {
                    insert.setInt(1, n);
                    insert.setString(2, null);
                    insert.addBatch();
                }
                show("with one that is wrong", insert::executeBatch);
                own.rollback();
            }
        }
        try (var insert = c.prepareStatement("INSERT INTO t (s, n) VALUES (?, ?)", new String[] {"n"})) {
            for (int n = 0; n < 10; n++) {
                insert.setString(1, "kept");
                insert.setInt(2, n);
                insert.addBatch();
            }
            show("with keys", () -> { insert.executeBatch(); return rows(insert.getGeneratedKeys()); });
        }
        try (var statement = c.createStatement()) {
            statement.addBatch("UPDATE t SET s = 'one' WHERE n = 1");
            statement.addBatch("SELECT 1 / 0");
            statement.addBatch("UPDATE t SET s = 'two' WHERE n = 2");
            show("of statements", statement::executeBatch);
        }
        show("kept", () -> query(c, "SELECT count(*), min(s) FROM t"));
    }

    static void failures(Connection c) throws SQLException {
        query(c, "CREATE TABLE parent (n int PRIMARY KEY, CHECK (n < 100)); CREATE TABLE child (n int NOT NULL REFERENCES parent DEFERRABLE INITIALLY DEFERRED)");
        query(c, "INSERT INTO parent VALUES (1)");
        for (String statement : List.of("INSERT INTO parent VALUES (1)", "INSERT INTO parent VALUES (100)", "INSERT INTO child VALUES (NULL)",
            "INSERT INTO child VALUES (7)", "SELECT nothing FROM parent", "SELECT 1 FROM nowhere", "SELECT nofunction(1)", "SELECT 1 / 0")) {
            show(statement, () -> query(c, statement));
        }
        show("a wrong parameter", () -> query(c, "SELECT ?::text::int", "x"));
        show("raised", () -> query(c, "DO $$ BEGIN RAISE EXCEPTION 'own' USING ERRCODE = 'ZZ001', DETAIL = 'd', HINT = 'h', COLUMN = 'c'; END $$"));
        show("noticed", () -> query(c, "DO $$ BEGIN RAISE NOTICE 'n' USING DETAIL = 'd', HINT = 'h'; RAISE WARNING 'w'; END $$"));
    }

    static void transactions(Connection c) throws SQLException {
        c.setAutoCommit(false);
        c.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
        query(c, "INSERT INTO t (n) VALUES (100)");
        var savepoint = c.setSavepoint("Mine");
        show("within", () -> query(c, "INSERT INTO t (n) VALUES (100)"));
        show("aborted", () -> query(c, "SELECT 1"));
        c.rollback(savepoint);
        show("goes on", () -> query(c, "INSERT INTO t (n) VALUES (101)"));
        c.commit();
        query(c, "INSERT INTO child VALUES (7)");
        show("deferred", () -> { c.commit(); return "committed"; });
        c.rollback();
        c.setReadOnly(true);
        show("read only", () -> query(c, "INSERT INTO t (n) VALUES (102)"));
        c.rollback();
        c.setReadOnly(false);
        c.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
        c.setAutoCommit(true);
        try (var saved = connect("autosave", "always")) {
            saved.setAutoCommit(false);
            show("saved by itself", () -> query(saved, "SELECT 1 / 0"));
            show("goes on", () -> query(saved, "SELECT 1"));
            saved.rollback();
        }
        show("kept", () -> query(c, "SELECT n FROM t WHERE n >= 100 ORDER BY n"));
    }

    static void cursors(Connection c) throws SQLException {
        c.setAutoCommit(false);
        try (var statement = c.prepareStatement("SELECT n, repeat('x', n) FROM generate_series(1, ?) AS s (n)")) {
            statement.setFetchSize(7);
            statement.setInt(1, 100);
            for (int times = 0; times < 6; times++) {
                show("in pieces", () -> { int sum = 0; var found = statement.executeQuery(); while (found.next()) sum += found.getInt(1) + found.getString(2).length(); return sum; });
            }
            var first = statement.executeQuery();
            first.next();
            show("beside it", () -> query(c, "SELECT 1"));
            show("goes on", () -> { int rows = 1; while (first.next()) rows++; return rows; });
            statement.setMaxRows(10);
            show("at most", () -> rows(statement.executeQuery()).length());
        }
        try (var statement = c.prepareStatement("SELECT 10 / (5 - n) FROM generate_series(1, 9) AS s (n)")) {
            statement.setFetchSize(2);
            show("an error on the way", () -> rows(statement.executeQuery()));
        }
        c.rollback();
        query(c, "DECLARE \"By Hand\" CURSOR FOR SELECT n FROM t ORDER BY n");
        show("by hand", () -> query(c, "FETCH 3 FROM \"By Hand\""));
        show("closed", () -> query(c, "CLOSE \"By Hand\""));
        c.commit();
        c.setAutoCommit(true);
        try (var statement = c.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE)) {
            var found = statement.executeQuery("SELECT n, s FROM t ORDER BY n");
            found.absolute(3);
            found.updateString("s", "changed in place");
            show("updated", () -> { found.updateRow(); return query(c, "SELECT s FROM t WHERE n = 2"); });
        }
    }

    static void copies(Connection c) throws Exception {
        CopyManager copies = c.unwrap(PGConnection.class).getCopyAPI();
        query(c, "CREATE TABLE copied (n int, t text)");
        String lines = IntStream.range(0, 5000).mapToObj(n -> n + "\tx\\\\" + n + "\n").collect(Collectors.joining());
        show("in", () -> copies.copyIn("COPY copied FROM STDIN", new StringReader(lines)));
        var out = new StringWriter();
        show("out", () -> copies.copyOut("COPY (SELECT * FROM copied ORDER BY n) TO STDOUT", out));
        tell("the same", out.toString().equals(lines));
        var binary = new ByteArrayOutputStream();
        show("out binary", () -> copies.copyOut("COPY copied TO STDOUT (FORMAT binary)", binary));
        show("in binary", () -> copies.copyIn("COPY copied FROM STDIN (FORMAT binary)", new ByteArrayInputStream(binary.toByteArray())));
        show("wrong", () -> copies.copyIn("COPY copied FROM STDIN", new StringReader("x\ty\n")));
        show("no copy", () -> copies.copyIn("SELECT 1", new StringReader("")));
        show("cancelled", () -> {
            var copy = copies.copyIn("COPY copied FROM STDIN");
            copy.writeToCopy("1\tx\n".getBytes(StandardCharsets.UTF_8), 0, 4);
            copy.cancelCopy();
            return copy.isActive();
        });
        show("counted", () -> query(c, "SELECT count(*) FROM copied"));
    }

    static void largeObjects(Connection c) throws Exception {
        c.setAutoCommit(false);
        LargeObjectManager objects = c.unwrap(PGConnection.class).getLargeObjectAPI();
        long number = objects.createLO();
        byte[] data = new byte[BIG];
        for (int n = 0; n < data.length; n++) data[n] = (byte) (n * 31);
        try (LargeObject object = objects.open(number, LargeObjectManager.READWRITE)) {
            object.write(data);
            object.seek(BIG / 2);
            show("in the middle", () -> object.read(100));
            object.truncate(BIG / 2);
            show("size", object::size);
        }
        c.commit();
        try (LargeObject object = objects.open(number)) {
            show("whole", () -> Arrays.equals(object.read(BIG), 0, BIG / 2, data, 0, BIG / 2));
            show("only read", () -> { object.write(data, 0, 1); return "written"; });
        }
        c.rollback();
        objects.delete(number);
        c.commit();
        show("gone", () -> objects.open(1));
        c.rollback();
        c.setAutoCommit(true);
    }

    static void large(Connection c) throws Exception {
        byte[] data = new byte[BIG];
        Arrays.fill(data, (byte) 0xab);
        show("in", () -> query(c, "INSERT INTO t (n, b) VALUES (999, ?)", data));
        for (int n = 0; n < 2; n++) show("out", () -> query(c, "SELECT b FROM t WHERE n = ?", 999));
        show("in the text", () -> query(c, "SELECT length('" + "y".repeat(BIG) + "')"));
        show("streamed", () -> {
            try (var statement = c.prepareStatement("UPDATE t SET b = ? WHERE n = 999")) {
                statement.setBinaryStream(1, new ByteArrayInputStream(data), BIG);
                return statement.executeUpdate();
            }
        });
    }

    static void listening(Connection c) throws Exception {
        query(c, "LISTEN bell");
        try (var other = connect()) {
            query(other, "NOTIFY bell, 'from another'");
        }
        query(c, "SELECT pg_notify('bell', 'own')");
        var heard = new ArrayList<String>();
        while (heard.size() < 2) {
            for (var notification : c.unwrap(PGConnection.class).getNotifications(20_000)) heard.add(notification.getName() + " " + notification.getParameter());
        }
        tell("heard", heard);
        query(c, "UNLISTEN *");
    }

    static void cancelled(Connection c) throws Exception {
        try (var statement = c.createStatement()) {
            statement.setQueryTimeout(1);
            show("timed out by the driver", () -> rows(statement.executeQuery("SELECT pg_sleep(60)")));
            statement.setQueryTimeout(0);
            int pid = c.unwrap(PGConnection.class).getBackendPID();
            var thread = new Thread(() -> {
                try (var other = connect()) {
                    while (query(other, "SELECT 1 FROM pg_stat_activity WHERE pid = ? AND state = 'active' AND query LIKE '%pg_sleep%'", pid).isEmpty()) Thread.onSpinWait();
                    statement.cancel();
                } catch (Exception error) {
                    tell(error);
                }
            });
            thread.start();
            show("cancelled", () -> rows(statement.executeQuery("SELECT pg_sleep(60)")));
            thread.join();
        }
        query(c, "SET statement_timeout = 100");
        show("timed out", () -> query(c, "SELECT pg_sleep(60)"));
        query(c, "RESET statement_timeout");
        show("usable", () -> query(c, "SELECT 1"));
        show("valid", () -> c.isValid(10));
        try (var impatient = connect("socketTimeout", "1")) {
            show("timed out at the socket", () -> query(impatient, "SELECT pg_sleep(3)"));
            tell("closed", impatient.isClosed());
        }
    }

    static void chores() throws Exception {
        try (var c = connect()) {
            tell("== types"); types(c);
            tell("== prepared"); prepared(c);
            tell("== batches"); batches(c);
            tell("== failures"); failures(c);
            tell("== transactions"); transactions(c);
            tell("== cursors"); cursors(c);
            tell("== copies"); copies(c);
            tell("== large objects"); largeObjects(c);
            tell("== large"); large(c);
            tell("== listening"); listening(c);
            tell("== cancelled"); cancelled(c);
        }
    }

    static void refusals() throws Exception {
        try (var c = connect()) {
            query(c, "CREATE TABLE t (n int)");
            show("at once", () -> query(c, "DELETE FROM t"));
            try (var statement = c.prepareStatement("DELETE FROM t WHERE n = ?")) {
                statement.unwrap(PGStatement.class).setPrepareThreshold(1);
                statement.setInt(1, 1);
                show("prepared", statement::executeUpdate);
                show("again", statement::executeUpdate);
                statement.addBatch();
                statement.addBatch();
                show("a batch", statement::executeBatch);
            }
            show("of several", () -> query(c, "INSERT INTO t VALUES (1); DELETE FROM t"));
            show("goes on", () -> query(c, "SELECT count(*) FROM t"));
            c.setAutoCommit(false);
            show("in a transaction", () -> query(c, "DELETE FROM t"));
            show("aborted", () -> query(c, "SELECT 1"));
            c.rollback();
            query(c, "INSERT INTO t VALUES (2)");
            var savepoint = c.setSavepoint();
            show("behind a savepoint", () -> query(c, "DELETE FROM t"));
            c.rollback(savepoint);
            c.commit();
            c.setAutoCommit(true);
            show("kept", () -> query(c, "SELECT n FROM t"));
            CopyManager copies = c.unwrap(PGConnection.class).getCopyAPI();
            show("copy in", () -> copies.copyIn("COPY secret FROM STDIN", new StringReader("1\tx\n")));
            show("copy out", () -> copies.copyOut("COPY secret TO STDOUT", new StringWriter()));
            c.setAutoCommit(false);
            try (var statement = c.prepareStatement("SELECT * FROM secret")) {
                statement.setFetchSize(2);
                show("a cursor", () -> rows(statement.executeQuery()));
            }
            c.rollback();
            c.setAutoCommit(true);
            show("usable", () -> query(c, "SELECT ?::int", 1));
        }
    }

    static void modes() {
        for (String mode : List.of("disable", "allow", "prefer", "require", "verify-ca", "verify-full")) {
            show(mode, () -> {
                try (var c = connect("sslmode", mode)) {
                    return query(c, "SELECT 'connected'");
                }
            });
        }
    }

    public static void main(String[] arguments) throws Exception {
        switch (arguments[0]) {
            case "chores" -> chores();
            case "refusals" -> refusals();
            default -> modes();
        }
    }
}
