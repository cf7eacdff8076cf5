// Plays the leak suite's orders for pgjdbc, and prints all that it got into a file for each. Run as
// `java -cp DRIVER LeakWithJdbc.java ORDERS OUT`.

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.*;
import java.util.Arrays;
import java.util.Base64;
import java.util.Properties;
import org.postgresql.PGConnection;
import org.postgresql.util.PSQLException;

class LeakWithJdbc {
    static PrintWriter out;

    public static void main(String[] arguments) throws Exception {
        for (String line : Files.readAllLines(Path.of(arguments[0]))) {
            String[] fields = line.split("\t");
            if (!fields[1].equals("jdbc")) continue;
            try (PrintWriter file = new PrintWriter(arguments[1] + "/" + fields[0] + ".text", StandardCharsets.UTF_8)) {
                out = file;
                out.println("played");
                try (Connection c = connect(fields[0], fields[2])) {
                    for (int at = 3; at < fields.length; at++) {
                        String text = new String(Base64.getDecoder().decode(fields[at]), StandardCharsets.UTF_8);
                        try {
                            play(fields[2], c, text);
                        } catch (SQLException error) {
                            tell(error);
                        }
                    }
                } catch (SQLException error) {
                    tell(error);
                }
            }
        }
    }

    static Connection connect(String key, String mode) throws SQLException {
        Properties p = new Properties();
        p.setProperty("user", System.getenv("PGUSER"));
        p.setProperty("password", System.getenv("PGPASSWORD"));
        p.setProperty("sslmode", "disable");
        p.setProperty("gssEncMode", "disable");
        p.setProperty("ApplicationName", key);
        switch (mode) {
            case "simple" -> p.setProperty("preferQueryMode", "simple");
            case "binary" -> p.setProperty("prepareThreshold", "-1");
            case "fetch-size" -> p.setProperty("defaultRowFetchSize", "2");
            default -> { }
        }
        String url = "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE");
        return DriverManager.getConnection(url, p);
    }

    static void play(String mode, Connection c, String text) throws SQLException {
        if (mode.equals("copy")) {
            try {
                StringWriter got = new StringWriter();
                String copy = text.startsWith("COPY") ? text : "COPY (" + text + ") TO STDOUT";
                ((PGConnection) c).getCopyAPI().copyOut(copy, got);
                out.println(got);
            } catch (java.io.IOException error) {
                out.println(error.getMessage());
            }
            return;
        }
        if (mode.equals("fetch-size")) c.setAutoCommit(false);
        if (mode.equals("updatable")) {
            try (Statement s = c.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE)) {
                show(s, s.execute(text));
            }
        } else if (mode.equals("simple")) {
            try (Statement s = c.createStatement()) {
                show(s, s.execute(text));
            }
        } else {
            try (PreparedStatement s = c.prepareStatement(text)) {
                for (int n = 0; n < 2; n++) show(s, s.execute());
            }
        }
        if (mode.equals("fetch-size")) c.commit();
    }

    static void show(Statement s, boolean rows) throws SQLException {
        for (; ; rows = s.getMoreResults()) {
            if (rows) {
                try (ResultSet set = s.getResultSet()) {
                    int columns = set.getMetaData().getColumnCount();
                    while (set.next()) {
                        for (int n = 1; n <= columns; n++) {
                            byte[] bytes = set.getBytes(n);
                            String value;
                            try {
                                value = set.getString(n);
                            } catch (SQLException error) {
                                value = error.getMessage();
                            }
                            out.println(value + " " + (bytes == null ? "" : new String(bytes, StandardCharsets.ISO_8859_1)));
                        }
                    }
                }
            } else if (s.getUpdateCount() < 0) {
                break;
            } else {
                out.println("changed " + s.getUpdateCount());
            }
        }
        for (SQLWarning warning = s.getWarnings(); warning != null; warning = warning.getNextWarning()) tell(warning);
    }

    static void tell(SQLException error) {
        for (SQLException next = error; next != null; next = next.getNextException()) {
            out.println("ERROR " + next.getSQLState() + " " + next.getMessage());
            if (next instanceof PSQLException own && own.getServerErrorMessage() != null) {
                var m = own.getServerErrorMessage();
                out.println(Arrays.asList(m.getDetail(), m.getHint(), m.getWhere(), m.getSchema(), m.getTable(), m.getColumn(), m.getConstraint()));
            }
        }
    }
}
